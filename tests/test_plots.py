"""What every picture shows equals its table: places of the marks, words, fonts, files."""

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

from servqual.comparison import Comparison
from servqual.distributions import Distribution
from servqual.gaps import GapTable, score_gaps
from servqual.inference import NUMBER_COLUMNS, REASONS
from servqual.instruments import load_instrument
from servqual.plots import (
    NoChineseFont,
    chinese_font,
    draw_comparison,
    draw_distribution,
    draw_forest,
    draw_gaps,
    draw_heatmap,
    draw_stores,
    draw_tolerance,
    new_axes,
    save_png,
    save_svg,
)
from servqual.responses import Responses
from servqual.stores import BetweenStores, StoreEstimates, store_estimates
from servqual.tolerance import ToleranceTable, score_tolerance
from survey_design.errors import SpecError
from survey_design.plots import fonts
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
    fonts._warn_no_font.cache_clear()
    pyplot.close("all")
    yield
    pyplot.close("all")


@pytest.fixture
def no_font(monkeypatch):
    """A machine with neither a Chinese font nor the extra that brings one."""
    monkeypatch.delenv("SERVQUAL_FONT", raising=False)
    monkeypatch.setattr(fonts, "CHINESE_FAMILIES", ())
    monkeypatch.setattr(fonts, "find_spec", lambda name: None)


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
    assert not any(fonts.CHINESE.search(text) for text in words(ax))
    save_svg(draw_gaps(table, new_axes()))  # a second warning would be an error


def test_english_needs_no_chinese_font(no_font):
    draw_gaps(gap_table(), new_axes())


def test_installed_family_goes_before_the_extra(monkeypatch):
    monkeypatch.delenv("SERVQUAL_FONT", raising=False)
    monkeypatch.setattr(fonts.fontManager, "get_font_names", lambda: ["WenQuanYi Zen Hei", "PingFang SC"])
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


# The other pictures


TOLERANCE = load_instrument("tolerance-22")
STORES = [f"Store {k}" for k in range(8)]


def zone_table(names=DIMENSIONS, positions=None, groups=None, **fields) -> ToleranceTable:
    """Zones with every position in turn."""
    turn = positions or ["below", "lower edge", "inside", "upper edge", "above", "open"]
    shift = {"below": (-0.5, -1.5), "lower edge": (0.1, -0.9), "inside": (0.5, -0.5), "upper edge": (0.9, -0.1),
             "above": (1.5, 0.5), "open": (0.1, -0.1), "inverted": (-0.5, 0.5), "": (0.5, -0.5)}  # fmt: skip
    rows = []
    for k, (group, name) in enumerate(itertools.product(groups or [None], names)):
        position = turn[k % len(turn)]
        (msa, mss), minimum = shift[position], 4.0 + 0.1 * (k % 5)
        row = {"tier": group, "dimension": name, "minimum": minimum, "desired": minimum + msa - mss,
               "perception": minimum + msa, "position": position, "n": 90 + k % 3, "n_inverted": 0}  # fmt: skip
        row["zone_reason"] = ""
        for distance, value in (("adequacy", msa), ("superiority", mss)):
            row |= {
                distance: value,
                f"{distance}_low": value - 0.2,
                f"{distance}_high": value + 0.2,
                f"{distance}_reason": "",
            }
        rows.append(row)
    frame = pd.DataFrame(rows)
    if groups is None:
        return ToleranceTable(frame.drop(columns="tier"), instrument=TOLERANCE, **fields)
    return ToleranceTable(frame, instrument=TOLERANCE, by=("tier",), by_columns=(TIER,), **fields)


def comparison(groups=TIERS[:3], cautious=False, **fields) -> Comparison:
    """Every pair of groups for every dimension."""
    rows = []
    for k, (dimension, (a, b)) in enumerate(
        itertools.product([*DIMENSIONS, "mean"], itertools.combinations(groups, 2))
    ):
        value = ((k * 7) % 11 - 5) / 10
        rows.append({"tier": a, "against": b, "dimension": dimension, "difference": value, "se": 0.1, "low": value - 0.2,
                     "high": value + 0.2, "n": 300 + k, "df": 20.0, "p": 0.01, "p_adjusted": 0.04 + 0.05 * (k % 2),
                     "reason": ""})  # fmt: skip
    return Comparison(
        pd.DataFrame(rows), instrument=INSTRUMENT, by="tier", by_columns=(TIER,), cautious=cautious, **fields
    )


def distribution(items=ITEMS, groups=None, known=True, instrument=INSTRUMENT, **fields) -> Distribution:
    """Answers with more and more at the low end."""
    low, high = instrument.scale.low, instrument.scale.high
    rows = []
    for k, (group, item) in enumerate(itertools.product(groups or [None], items)):
        weights = np.exp(-((np.arange(low, high + 1) - high + 0.4 * (k % 12)) ** 2) / 4)
        for value, share in zip(range(low, high + 1), weights / weights.sum(), strict=True):
            rows.append({"tier": group, "item": item, "value": value, "share": share, "low": 0.0, "high": 1.0, "count": 10,
                         "n": 200 - k, "n_dont_know": 3 * k % 40 if known else np.nan, "n_missing": 40, "reason": ""})  # fmt: skip
    frame = pd.DataFrame(rows)
    if groups is None:
        return Distribution(frame.drop(columns="tier"), instrument=instrument, **fields)
    return Distribution(frame, instrument=instrument, by=("tier",), by_columns=(TIER,), **fields)


def store_table(k=12, tiers=tuple(TIERS[:3]), minimum=5, **fields) -> StoreEstimates:
    """Stores in three tiers, every fifth under the floor, in another order than their estimates."""
    rows = []
    for number in range(k):
        raw = 0.9 - 1.7 * ((number * 5) % k) / k
        toward = -0.2 - 0.2 * (number % 3)
        pulled = toward + (raw - toward) * (0.5 + 0.04 * (number % 5))
        n = 3 if number % 5 == 0 else 6 + number
        rows.append({"store": f"S{number:03d}", "tier": tiers[number % len(tiers)] if tiers else "", "gap": raw, "se": 0.2,
                     "low": raw - 0.6, "high": raw + 0.6, "n": n, "df": n - 1.0, "reason": "",
                     "flag": "floor" if n < minimum else "", "reliability": 0.6, "toward": toward, "shrunken": pulled,
                     "shrunken_se": 0.15, "shrunken_low": pulled - 0.4, "shrunken_high": pulled + 0.35, "among_worst": 0.1,
                     "shrunken_reason": ""})  # fmt: skip
    frame = pd.DataFrame(rows)
    frame["rank"] = frame["shrunken"].rank(ascending=False) + 0.3
    frame["rank_low"] = (frame["rank"] - 3).clip(1, k).round()
    frame["rank_high"] = (frame["rank"] + 4).clip(1, k).round()
    store = Column("store", {"en": "store", "zh": "门店"})
    given = {"differences": BetweenStores(0.3, 0.2, 0.5, 4.2, k - 3, 80.0, 0.0001), "worst": 1}
    if tiers:
        given |= {"within": "tier", "by_columns": (store, TIER)}
    else:
        given |= {"by_columns": (store,)}
        frame = frame.drop(columns="tier")
    return StoreEstimates(frame, instrument=INSTRUMENT, minimum=minimum, **(given | fields))


def odds(ax, **options):
    """A forest plot of odds ratios with all that can occur."""
    given = {"p": [0.001, 0.3, np.nan], "n": [10, 20, 30], "remarks": ["", "", "nobody answered"], "null": 1.0, "log": True,
             "title": "Odds of coming back", "ends": ("less", "more"), "caption": "Logistic regression."}  # fmt: skip
    return draw_forest(["waiting", "staff", "price"], [3.0, 0.8, np.nan], [1.5, 0.5, np.nan], [6.0, 1.3, np.nan],
                       ax=ax, **(given | options))  # fmt: skip


PICTURES = {
    "zones": (draw_tolerance, zone_table()),
    "zones of groups": (draw_tolerance, zone_table(groups=TIERS[:3])),
    "heat map": (draw_heatmap, gap_table(groups=STORES)),
    "heat map of items": (draw_heatmap, gap_table("item", ITEMS, groups=TIERS[:2])),
    "heat map of items in many stores": (draw_heatmap, gap_table("item", ITEMS, groups=[f"s{k}" for k in range(14)])),
    "forest": (draw_comparison, comparison()),
    "forest of many": (draw_comparison, comparison(TIERS[:4], cautious=True)),
    "answers": (draw_distribution, distribution(ITEMS[:9])),
    "stores": (draw_stores, store_table()),
    "stores of one group, cautious": (draw_stores, store_table(45, (), cautious=True, threshold=-0.5)),
    "stores of many groups": (draw_stores, store_table(33, tuple(f"district {k}" for k in range(8)))),
    "answers of groups": (draw_distribution, distribution(ITEMS[:3], groups=TIERS, known=False)),
}


def written(ax) -> list:
    legend = ax.get_legend()
    found = [
        ax._left_title,
        *ax.texts,
        *ax.get_xticklabels(),
        *ax.get_yticklabels(),
        *(legend.get_texts() if legend else []),
    ]
    return [text for text in found if text.get_text() and text.get_visible()]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", list(PICTURES))
def test_words_of_every_picture_are_on_the_sheet_and_apart(name, language):
    draw, result = PICTURES[name]
    ax = draw(result.in_language(language), new_axes())
    ax.figure.canvas.draw()
    sheet, boxes = ax.figure.bbox, {text: text.get_window_extent() for text in written(ax)}
    for text, box in boxes.items():
        assert sheet.x0 <= box.x0 <= box.x1 <= sheet.x1, text.get_text()
        assert sheet.y0 <= box.y0 <= box.y1 <= sheet.y1, text.get_text()
    for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
        apart = a.x1 <= b.x0 + 1.5 or b.x1 <= a.x0 + 1.5 or a.y1 <= b.y0 + 2 or b.y1 <= a.y0 + 2
        assert apart, (one.get_text(), other.get_text())


@pytest.mark.parametrize("name", ["zones", "heat map", "forest", "answers", "stores"])
def test_every_picture_is_the_same_twice_and_leaves_all_as_it_was(name):
    draw, result = PICTURES[name]
    settings, frame = dict(mpl.rcParams), result.frame.copy()
    assert save_svg(draw(result, new_axes())) == save_svg(draw(result, new_axes()))
    assert dict(mpl.rcParams) == settings
    pd.testing.assert_frame_equal(result.frame, frame)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("name", ["zones", "heat map", "forest", "answers", "stores"])
def test_every_picture_speaks_both_languages_and_names_its_title(name):
    draw, result = PICTURES[name]
    for language in ("en", "zh"):
        ax = draw(result.in_language(language), new_axes())
        assert ax.get_title(loc="left").replace("\n", " ") == result.in_language(language).title()
        chinese = [text for text in words_of(ax) if fonts.CHINESE.search(text)]
        assert bool(chinese) == (language == "zh"), chinese


@pytest.mark.parametrize("name", ["zones", "heat map", "forest", "answers", "stores"])
def test_every_picture_falls_back_to_english_without_a_font(name, no_font):
    draw, result = PICTURES[name]
    with pytest.warns(NoChineseFont) as caught:
        ax = draw(result.in_language("zh"), new_axes())
    assert caught[0].filename == __file__
    assert not [text for text in words_of(ax) if fonts.CHINESE.search(text)]


@pytest.mark.parametrize("name", ["zones", "heat map", "forest", "answers", "stores"])
def test_every_picture_is_drawn_on_the_axes_given_or_on_its_own(name):
    draw, result = PICTURES[name]
    figure = Figure(figsize=(12, 6), layout="constrained")
    first, second = figure.subplots(1, 2)
    assert draw(result, second) is second
    assert not first.has_data()
    assert figure.get_size_inches().tolist() == [12, 6]
    save_png(figure, dpi=40)
    ax = draw(result)
    assert [pyplot.figure(number) for number in pyplot.get_fignums()] == [ax.figure]


@pytest.mark.parametrize("name", ["zones", "heat map", "forest", "answers", "stores"])
def test_every_picture_needs_rows(name):
    draw, result = PICTURES[name]
    with pytest.raises(SpecError, match=r"needs rows|without rows"):
        draw(replace(result, frame=result.frame.iloc[:0]), new_axes())


def words_of(ax) -> list[str]:
    return [text.get_text() for text in written(ax)]


# The zone of tolerance


def test_zone_and_intervals_stand_at_the_numbers_of_the_table():
    table = zone_table()
    ax, frame = draw_tolerance(table, new_axes()), table.frame
    assert bars(ax, "zone") == pytest.approx(frame[["minimum", "desired"]].to_numpy())
    assert dots(ax, "minimum").tolist() == pytest.approx(frame["minimum"].tolist())
    assert dots(ax, "desired").tolist() == pytest.approx(frame["desired"].tolist())
    for name, origin in (("adequacy", "minimum"), ("superiority", "desired")):
        bounds = frame[[f"{name}_low", f"{name}_high"]].add(frame[origin], axis=0)
        assert bars(ax, name) == pytest.approx(bounds.to_numpy())
    places = [segment[0][1] for segment in marks(ax, "adequacy").get_segments()]
    assert (np.array(places) < ax.get_yticks()).all(), "that of MSA is above the mark"


def test_mark_of_every_position_has_its_own_shape_and_is_solid_where_both_intervals_settle_it():
    names = ["below", "lower edge", "inside", "upper edge", "above", "open", "inverted", ""]
    table = zone_table([item.id for item in TOLERANCE.items][:8], names)
    table = replace(table, what="item", frame=table.frame.rename(columns={"dimension": "item"}))
    ax = draw_tolerance(table, new_axes())
    solid, shapes = {}, set()
    for name in names:
        mark = marks(ax, name or "no verdict")
        assert len(mark.get_offsets()) == 1
        row = table.frame[table.frame["position"] == name].iloc[0]
        assert mark.get_offsets()[0][0] == pytest.approx(row["perception"])
        solid[name] = to_hex(mark.get_facecolors()[0]) != "#ffffff"
        shapes.add((mark.get_paths()[0].vertices.tobytes(), solid[name]))
    assert {name for name in names if solid[name]} == {"below", "inside", "above", "inverted"}
    assert len(shapes) == len(names), "told apart without colour"


def test_line_stays_clear_of_its_bracket_exactly_where_the_interval_excludes_zero():
    table = zone_table()
    ax = draw_tolerance(table, new_axes())
    for name, bracket in (("adequacy", "minimum"), ("superiority", "desired")):
        lines, edge = bars(ax, name), dots(ax, bracket)
        clear = (lines[:, 0] > edge) | (lines[:, 1] < edge)
        frame = table.frame
        assert clear.tolist() == ((frame[f"{name}_low"] > 0) | (frame[f"{name}_high"] < 0)).tolist()
        assert 0 < clear.sum() < len(clear)
    bold = {text.get_text() for text in ax.texts if text.get_fontweight() == "bold" and text.xy[0] == 1}
    assert {"−0.50", "+1.50"} <= bold
    assert "+0.10" not in bold


def test_zone_without_an_error_says_why():
    table = zone_table()
    numbers = [f"{name}_{end}" for name in ("adequacy", "superiority") for end in ("low", "high")]
    table.frame.loc[1, numbers] = np.nan
    table.frame.loc[1, ["adequacy_reason", "superiority_reason"]] = "one answer"
    table.frame.loc[1, "position"] = ""
    ax = draw_tolerance(table, new_axes())
    assert REASONS["one answer"]["en"] in words_of(ax)
    assert dots(ax, "no verdict").tolist() == pytest.approx([table.frame.loc[1, "perception"]])
    assert to_hex(marks(ax, "no verdict").get_edgecolors()[0]) == GREY
    assert len(labels(ax)) == 5


def test_scores_of_tolerance_draw_their_dimensions():
    columns = {form: TOLERANCE.columns(form).values() for form in ("minimum", "desired", "perception")}
    answers = {"minimum": [3, 4, 3, 5], "desired": [6, 7, 6, 6], "perception": [5, 5, 2, 6]}
    scores = score_tolerance(
        Responses(pd.DataFrame({c: answers[form] for form in columns for c in columns[form]}), TOLERANCE)
    )
    ax = draw_tolerance(scores, new_axes())
    assert labels(ax) == ["Tangibles", "Reliability", "Responsiveness", "Assurance", "Empathy"]
    assert bars(ax, "zone") == pytest.approx(scores.dimensions.frame[["minimum", "desired"]].to_numpy())
    assert {"Overall (mean)", "Overall (sum of items)", "off this scale: in figures only"} <= {
        *labels(total := draw_tolerance(scores.total, new_axes())), *words_of(total)
    }  # fmt: skip


# The heat map


def test_cells_are_the_gaps_sorted_by_their_mean():
    table = gap_table(groups=STORES)
    wide = table.frame.pivot(index="tier", columns="dimension", values="gap")[DIMENSIONS]
    order = wide.mean(axis=1).sort_values(kind="stable").index
    ax = draw_heatmap(table, new_axes())
    assert labels(ax) == list(order)
    assert marks(ax, "cells").get_array().tolist() == pytest.approx(wide.loc[order].to_numpy().ravel().tolist())
    low, high = marks(ax, "cells").get_clim()
    assert low == -high < 0, "white is 0"
    assert high >= np.abs(wide.to_numpy()).max()
    shown = [text.get_text() for text in ax.texts if "/" not in text.get_text()]
    for gap in wide.to_numpy().ravel():
        assert NUMBER_COLUMNS["gap"].show(gap, "en") in shown


def test_colours_say_the_sign():
    ax = draw_heatmap(gap_table(groups=STORES), new_axes())
    cells = marks(ax, "cells")
    low, middle, high = cells.cmap(cells.norm([cells.get_clim()[0], 0.0, cells.get_clim()[1]]))[:, :3]
    assert low[0] > low[2] + 0.5, "orange falls short"
    assert high[2] > high[0] + 0.5, "blue exceeds"
    assert middle.min() > 0.94, "white is 0"


def test_interval_that_includes_zero_is_pale_and_in_italics():
    table = gap_table(groups=STORES)
    ax = draw_heatmap(table, new_axes())
    figures = [text for text in ax.texts if type(text).__name__ == "Text"]
    wide = {name: table.frame.pivot(index="tier", columns="dimension", values=name)[DIMENSIONS].loc[labels(ax)].to_numpy().ravel()
            for name in ("low", "high")}  # fmt: skip
    clear = ((wide["low"] > 0) | (wide["high"] < 0)).tolist()
    assert [text.get_fontstyle() == "normal" for text in figures] == clear
    assert [text.get_alpha() is None for text in figures] == clear
    assert 0 < sum(clear) < len(clear)


def test_cells_under_the_floor_are_hatched_and_show_nothing_but_that():
    table = gap_table(groups=STORES)
    few = (table.frame["tier"] == "Store 3") & (table.frame["dimension"] != "empathy")
    table.frame.loc[few, ["gap", "n"]] = [-99.0, 4]
    ax = draw_heatmap(table, new_axes())
    assert len(marks(ax, "few").get_paths()) == 4
    assert marks(ax, "few").get_hatch()
    assert len(marks(ax, "cells").get_paths()) == 36
    assert sum(text == "n<5" for text in words_of(ax)) == 4
    assert not any("99" in text for text in words_of(ax))
    assert marks(ax, "cells").get_clim()[1] < 2, "what is hidden doesn't stretch the colours"
    assert "Hatched: n below 5, not shown." in " ".join(caption(ax).split())
    assert "4–20" in " ".join(words_of(ax)), "its base is said all the same"
    assert len(marks(draw_heatmap(table, new_axes(), minimum=4), "few").get_paths()) == 0


def test_bases_stand_beside_rows_and_below_columns():
    table = gap_table(groups=STORES)
    ax = draw_heatmap(table, new_axes())
    sums = table.frame.groupby("dimension")["n"].sum()
    assert {f"{n:,}" for n in sums} <= set(words_of(ax))
    first = table.frame[table.frame["tier"] == labels(ax)[0]]["n"]
    assert f"{first.min()}–{first.max()}" in words_of(ax)


def test_two_files_count_the_smaller_base():
    table = gap_table(groups=STORES)
    table.frame["n_expectation"] = 3
    assert len(marks(draw_heatmap(table, new_axes()), "few").get_paths()) == 40


def test_longer_side_goes_down():
    ax = draw_heatmap(gap_table("item", ITEMS, groups=TIERS[:2]), new_axes())
    assert len(labels(ax)) == 22
    assert len(ax.get_xticks()) == 2


def test_scores_bring_their_total_which_gives_the_order():
    instrument, rng = load_instrument("retail-13"), np.random.default_rng(4)
    data = pd.DataFrame({"tier": np.repeat(STORES, 12)})
    for form, mean in (("expectation", 6), ("perception", 5)):
        for column in instrument.columns(form).values():
            data[column] = np.clip(np.rint(rng.normal(mean, 1, len(data))), 1, 7)
    scores = score_gaps(Responses(data, instrument), by="tier")
    ax = draw_heatmap(scores, new_axes())
    mean = scores.total.frame.query("total == 'mean'").set_index("tier")["gap"].sort_values()
    assert labels(ax) == list(mean.index)
    cells = marks(ax, "cells").get_array().reshape(8, -1)
    assert cells[:, -1].tolist() == pytest.approx(mean.tolist())
    assert ax.get_xticklabels()[-1].get_text() == "Overall"


@pytest.mark.parametrize("by", [(), ("tier", "city")])
def test_heat_map_needs_one_split(by):
    table = gap_table(groups=STORES)
    with pytest.raises(SpecError, match="needs gaps split by one column"):
        draw_heatmap(replace(table, by=by), new_axes())


def test_missing_gap_is_a_dash():
    table = changed(gap_table(groups=STORES), 2, gap=np.nan, low=np.nan, high=np.nan, reason="no df")
    ax = draw_heatmap(table, new_axes())
    assert "–" in words_of(ax)
    assert np.ma.getmaskarray(marks(ax, "cells").get_array()).sum() == 1


# The forest


def test_forest_rows_are_the_differences_sorted_within_their_dimension():
    table = comparison()
    ax = draw_comparison(table, new_axes())
    place = table.frame["dimension"].map({name: k for k, name in enumerate([*DIMENSIONS, "mean"])})
    frame = table.frame.assign(place=place).sort_values(["place", "difference"], ascending=[True, False], kind="stable")
    assert dots(ax, "estimate").tolist() == pytest.approx(frame["difference"].tolist())
    assert bars(ax, "interval") == pytest.approx(frame[["low", "high"]].to_numpy())
    assert labels(ax) == [
        f"{a} − {b}".replace("flagship", "Flagship") for a, b in zip(frame["tier"], frame["against"], strict=True)
    ]
    headings = [text.get_text() for text in ax.texts if text.get_text() in {"Tangibles", "Empathy", "Overall (mean)"}]
    assert headings == ["Tangibles", "Empathy", "Overall (mean)"]
    solid = [to_hex(color) != "#ffffff" for color in marks(ax, "estimate").get_facecolors()]
    assert solid == ((frame["low"] > 0) | (frame["high"] < 0)).tolist()
    assert {segment[0][0] for segment in marks(ax, "null").get_segments()} == {0.0}


def test_only_the_corrected_p_makes_figures_bold():
    table = comparison()
    ax = draw_comparison(table, new_axes())
    frame = table.frame.assign(shown=[NUMBER_COLUMNS["difference"].show(x, "en") for x in table.frame["difference"]])
    bold = sorted(text.get_text() for text in ax.texts if text.get_fontweight() == "bold" and text.xy[0] == 1)
    assert bold == sorted(frame.loc[frame["p_adjusted"] < 0.05, "shown"])
    assert {".040", ".090"} <= set(words_of(ax))
    assert "Holm" in caption(ax)
    assert "has not been tested" in caption(ax)
    assert "measured alike" in caption(draw_comparison(comparison(comparability="measured alike"), new_axes()))


def test_few_very_wide_intervals_do_not_squeeze_the_rest():
    table = comparison(TIERS)
    table.frame.loc[[3, 14], ["low", "high"]] = [[-40.0, 40.0], [-40.0, 0.9]]
    ax = draw_comparison(table, new_axes())
    assert ax.get_xlim()[1] < 4
    arrows = [mark for mark in ax.collections if mark.get_label() == "beyond"]
    assert sum(len(mark.get_offsets()) for mark in arrows) == 3
    assert "[−40.00, +40.00]" in words_of(ax)
    assert np.isfinite(dots(ax, "estimate")).all(), "every point is on the axis"


def test_comparison_that_cannot_be_made_stays_with_its_reason():
    table = comparison()
    table.frame.loc[0, ["difference", "low", "high", "p", "p_adjusted"]] = np.nan
    table.frame.loc[0, "reason"] = "one side"
    ax = draw_comparison(table, new_axes())
    assert REASONS["one side"]["en"] in words_of(ax)
    assert np.isnan(dots(ax, "estimate")).sum() == 1
    assert np.isnan(dots(ax, "estimate")[2]), "last under its heading"


def test_pairs_name_what_they_share():
    table = comparison()
    table.frame["city"] = "北京"
    table = replace(table, by_columns=(TIER, Column("city", {"en": "city"})))
    assert labels(draw_comparison(table, new_axes()))[0].endswith("(北京)")


def test_ratios_stand_on_a_logarithmic_axis():
    ax = odds(new_axes())
    ax.figure.canvas.draw()
    assert ax.get_xscale() == "log"
    middle, double, half = ax.transData.transform([(1, 0), (2, 0), (0.5, 0)])[:, 0]
    assert double - middle == pytest.approx(middle - half)
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert ticks == ["0.5", "1", "2", "5"]
    assert {segment[0][0] for segment in marks(ax, "null").get_segments()} == {1.0}
    assert "interval excludes 1" in words_of(ax)
    assert ".300" in words_of(ax)
    assert "nobody answered" in words_of(ax)
    narrow = odds(new_axes(), limits=(0.5, 4))
    assert narrow.get_xlim() == (0.5, 4)
    assert "interval goes on beyond the axis" in words_of(narrow)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": [1, 2]}, "low has 2"),
        ({"p": [0.1]}, "p has 1"),
        ({"blocks": ["a"]}, "blocks has 1"),
        ({"low": [-1, 0.5, 1], "log": True}, "positive numbers only"),
        ({"log": True, "null": 0.0}, "positive numbers only"),
        ({"labels": []}, "there are 0 labels"),
    ],
)
def test_forest_refuses_what_does_not_fit(change, message):
    given = {"labels": ["a", "b", "c"], "value": [1, 2, 3], "low": [0.5, 1, 2], "high": [2, 3, 4]} | change
    with pytest.raises(SpecError, match=message):
        draw_forest(**given, ax=new_axes())


# The answers


@pytest.mark.parametrize(("low", "high"), [(1, 7), (1, 5), (0, 10), (1, 4)])
def test_bars_are_the_shares_about_the_middle(low, high):
    instrument = replace(INSTRUMENT, scale=replace(INSTRUMENT.scale, low=low, high=high))
    result = distribution(instrument=instrument)
    ax = draw_distribution(result, new_axes())
    wide = result.frame.pivot(index="item", columns="value", values="share").loc[ITEMS]
    stacks = {bars.get_label(): bars for bars in ax.containers}
    assert list(stacks) == ["outside", *(str(value) for value in range(low, high + 1))]
    for value in range(low, high + 1):
        widths = [patch.get_width() for patch in stacks[str(value)].patches]
        assert widths == pytest.approx(wide[value].tolist())
    middle = (low + high) / 2
    below = wide.loc[:, wide.columns < middle].sum(axis=1) + wide.loc[:, wide.columns == middle].sum(axis=1) / 2
    starts = np.array([[patch.get_x() for patch in stacks[str(value)].patches] for value in range(low, high + 1)])
    assert starts[0] == pytest.approx(-below.to_numpy())
    ends = starts[-1] + wide[high].to_numpy()
    assert ends - starts[0] == pytest.approx(np.ones(len(ITEMS)))
    assert ax.get_xlim()[0] < starts.min()
    assert ax.get_xlim()[1] > ends.max()


def test_dont_know_is_beside_the_base_with_its_count():
    result = distribution(ITEMS[:6])
    ax = draw_distribution(result, new_axes())
    (outside,) = [bars for bars in ax.containers if bars.get_label() == "outside"]
    widths = np.array([patch.get_width() for patch in outside.patches])
    rows = result.frame.drop_duplicates("item")
    shares = (rows["n_dont_know"] / (rows["n"] + rows["n_missing"])).to_numpy()
    assert widths / widths.max() == pytest.approx(shares / shares.max())
    assert {"don't know", *rows["n_dont_know"].astype(str)} <= set(words_of(ax))
    assert {f"{n:,}" for n in rows["n"]} <= set(words_of(ax))
    ax.figure.canvas.draw()
    left = min(patch.get_window_extent().x0 for patch in outside.patches)
    assert left > ax.bbox.x1, "a panel of its own"


def test_where_dont_know_is_not_known_the_panel_says_so():
    ax = draw_distribution(distribution(ITEMS[:4], known=False), new_axes())
    assert "no valid answer" in words_of(ax)
    assert "don't know" not in words_of(ax)
    assert "is not known" in caption(ax)
    chinese = draw_distribution(distribution(ITEMS[:4], known=False, language="zh"), new_axes())
    assert "无有效回答" in words_of(chinese)


def test_item_that_nobody_answered_has_words_instead_of_a_bar():
    result = distribution(ITEMS[:4])
    hit = result.frame["item"] == ITEMS[1]
    result.frame.loc[hit, "share"], result.frame.loc[hit, "n"] = np.nan, 0
    ax = draw_distribution(result, new_axes())
    assert REASONS["nobody"]["en"] in words_of(ax)
    assert sum(bars.patches[1].get_width() for bars in ax.containers if bars.get_label() != "outside") == 0


# The stores


def sorted_stores(result):
    return result.frame.sort_values("shrunken", ascending=False, kind="stable").reset_index(drop=True)


def test_stores_stand_from_best_to_worst_with_all_their_numbers():
    result = store_table()
    ax, rows = draw_stores(result, new_axes()), sorted_stores(result)
    assert labels(ax) == rows["store"].tolist() != result.frame["store"].tolist()
    assert bars(ax, "interval") == pytest.approx(rows[["shrunken_low", "shrunken_high"]].to_numpy())
    assert dots(ax, "raw") == pytest.approx(rows["gap"].to_numpy())
    assert dots(ax, "toward") == pytest.approx(rows["toward"].to_numpy())
    assert bars(ax, "rank interval") == pytest.approx(rows[["rank_low", "rank_high"]].to_numpy())
    for name in TIERS[:3]:
        inside = rows["tier"] == name
        assert dots(ax, name) == pytest.approx(rows.loc[inside, "shrunken"].to_numpy())
        assert np.asarray(marks(ax, name).get_offsets())[:, 1] == pytest.approx(np.array(ax.get_yticks())[inside])
    ranks = np.concatenate([np.asarray(mark.get_offsets()) for mark in ax.collections if mark.get_label() == "rank"])
    assert ranks[np.argsort(ranks[:, 1]), 0] == pytest.approx(rows["rank"].to_numpy())
    shown = [NUMBER_COLUMNS["gap"].show(value, "en") for value in rows["shrunken"]]
    ranges = [f"{low:.0f}–{high:.0f}" for low, high in zip(rows["rank_low"], rows["rank_high"], strict=True)]
    assert {*shown, *ranges} <= set(words_of(ax))


def test_panel_of_ranks_is_a_scale_of_its_own_beside_the_axes():
    result = store_table()
    ax, rows = draw_stores(result, new_axes()), sorted_stores(result)
    ax.figure.canvas.draw()
    lines = marks(ax, "rank interval")
    ends = np.array([lines.get_transform().transform(segment)[:, 0] for segment in lines.get_segments()])
    one, last = ends[rows["rank_low"] == 1][0, 0], ends[rows["rank_high"] == 12][0, 1]
    assert one > ax.bbox.x1
    assert last < ax.figure.bbox.x1
    places = one + (rows[["rank_low", "rank_high"]].to_numpy() - 1) / 11 * (last - one)
    assert ends == pytest.approx(places)
    assert (one, last) == pytest.approx(tuple(_middle(ax, text) for text in ("1", "12")), abs=1.5), "as the ticks say"


def _middle(ax, text):
    (found,) = [each for each in ax.texts if each.get_text() == text and each.xy == (1, 0)]
    box = found.get_window_extent()
    return (box.x0 + box.x1) / 2


def test_groups_of_stores_are_told_apart_without_colour():
    ax = draw_stores(store_table(), new_axes())
    shapes = {marks(ax, name).get_paths()[0].vertices.tobytes() for name in TIERS[:3]}
    assert len(shapes) == 3
    key = [text.get_text() for text in ax.get_legend().get_texts()]
    assert key == ["Flagship", "standard", "community", "n under 5", "raw", "mean of its tier"]
    many = draw_stores(store_table(33, tuple(f"district {k}" for k in range(8))), new_axes())
    assert all("(district " in label for label in labels(many)), "too many for shapes: in words"
    assert "pulled towards the tier mean, 95% interval" in words_of(many)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_stores_under_the_floor_are_grey_and_their_base_is_not_told(language):
    result = store_table(language=language)
    ax, rows = draw_stores(result, new_axes()), sorted_stores(result)
    few = (rows["flag"] == "floor").to_numpy()
    for name in ("interval", "rank interval"):
        inks = [to_hex(color) for color in marks(ax, name).get_colors()]
        assert [ink == GREY for ink in inks] == few.tolist()
    assert [to_hex(color) == GREY for color in marks(ax, "raw").get_edgecolors()] == few.tolist()
    figures = {text.xy[1]: text.get_text() for text in ax.texts if text.get_text().startswith("n<5")}
    assert sorted(figures) == sorted(np.array(ax.get_yticks())[few])
    assert "3" not in [text.get_text() for text in ax.texts if text.xy[1] in ax.get_yticks()], "their true base"
    assert caption(ax).startswith("n = 7–17")
    assert "3" in words_of(draw_stores(store_table(minimum=2), new_axes()))


def test_store_without_answers_keeps_its_row_and_says_why():
    result = store_table()
    numbers = [*NUMBERS[2:], *(name for name in result.frame if name.startswith(("shrunken", "rank"))), "toward"]
    numbers.remove("shrunken_reason")
    result.frame.loc[4, numbers] = np.nan
    result.frame.loc[4, ["reason", "shrunken_reason"]] = "nobody"
    ax = draw_stores(result, new_axes())
    assert labels(ax)[-1] == "S004"
    assert REASONS["nobody"]["en"] in words_of(ax)
    assert sum(len(segment) > 0 for segment in marks(ax, "interval").get_segments()) == 11
    assert sum(len(marks(ax, name).get_offsets()) for name in TIERS[:3]) == 11


@pytest.mark.parametrize("language", ["en", "zh"])
def test_too_few_stores_are_drawn_raw_without_ranks(language):
    instrument, rng = load_instrument("retail-13"), np.random.default_rng(3)
    answers = {column: rng.integers(2, 8, 21) for column in instrument.columns("perception").values()}
    data = pd.DataFrame({"store": np.repeat(["A", "B", "C"], [9, 10, 2]), **answers})
    result = store_estimates(Responses(data, instrument), of="perception").in_language(language)
    ax, rows = result.plot(new_axes()), result.frame.sort_values("perception", ascending=False)
    assert labels(ax) == rows["store"].tolist()
    assert dots(ax, "raw") == pytest.approx(rows["perception"].to_numpy())
    clear = (rows["high"] - rows["low"] < 4).to_numpy()
    assert bars(ax, "raw interval")[clear] == pytest.approx(rows.loc[clear, ["low", "high"]].to_numpy())
    assert not {"rank", "rank interval", "interval"} & {mark.get_label() for mark in ax.collections}
    said = {"en": "too few stores to learn how stores differ", "zh": "门店过少"}[language]
    assert said in caption(ax)


def test_picture_of_stores_is_that_of_the_estimates():
    instrument, rng = load_instrument("retail-13"), np.random.default_rng(8)
    names = np.repeat([f"S{k}" for k in range(9)], [2, 5, 6, 7, 8, 9, 4, 6, 7])
    effect = dict(zip(dict.fromkeys(names), rng.normal(5, 0.7, 9), strict=True))
    centre = np.array([effect[name] for name in names])
    data = pd.DataFrame({column: np.clip(np.rint(centre + rng.normal(0, 1, len(names))), 1, 7)
                         for column in instrument.columns("perception").values()})  # fmt: skip
    data = data.assign(store=names, tier=[name < "S4" for name in names]).replace({"tier": {True: "a", False: "b"}})
    result = store_estimates(Responses(data, instrument), of="perception", within="tier", threshold=5.0)
    ax, rows = result.plot(new_axes()), sorted_stores(result)
    assert labels(ax) == rows["store"].tolist()
    assert bars(ax, "interval") == pytest.approx(rows[["shrunken_low", "shrunken_high"]].to_numpy())
    assert {segment[0][0] for segment in marks(ax, "threshold").get_segments()} == {5.0}
    assert "zero" not in {mark.get_label() for mark in ax.collections}, "only gaps have a zero"
    assert result.sentence() in caption(ax)
