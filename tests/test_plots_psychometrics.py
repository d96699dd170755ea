"""What the pictures of a scale's structure show equals the tables: cells, points, bands, arrows, limits, words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from servqual.cfa import FactorModel, confirm_factors
from servqual.correlations import ItemMatrix
from servqual.factor_count import FactorCount, factor_count
from servqual.factors import explore_factors
from servqual.instruments import load_instrument
from servqual.invariance import Invariance, invariance
from servqual.plots import (
    draw_correlations,
    draw_ladder,
    draw_loadings,
    draw_path,
    draw_scree,
    new_axes,
    save_png,
    save_svg,
)
from survey_design.errors import SpecError
from survey_design.plots import fonts
from survey_design.results import say

mpl.use("Agg")
INSTRUMENT = load_instrument("servqual-22")
ITEMS = [item.id for item in INSTRUMENT.items]
DIMENSIONS = [item.dimension for item in INSTRUMENT.items]
FACTORS = list(dict.fromkeys(DIMENSIONS))
OWN = np.array([[home == factor for factor in FACTORS] for home in DIMENSIONS])


def scale_matrix(
    n: int = 600, seed: int = 1, *, shift: float = 0.0, language: str = "en", cross: float = 0.0
) -> ItemMatrix:
    """Answers to the 22 items from five factors; ``shift`` moves the intercepts of three of them."""
    rng, loadings = np.random.default_rng(seed), OWN * np.linspace(0.5, 0.85, 22)[:, None]
    loadings[7, 0] = cross
    factors = rng.multivariate_normal(np.zeros(5), np.full((5, 5), 0.5) + np.eye(5) * 0.5, n)
    answers = factors @ loadings.T + 0.6 * rng.normal(size=(n, 22))
    answers[:, [3, 10, 15]] += shift
    made = ItemMatrix.from_matrix(np.cov(answers.T), n, ITEMS, dimensions=DIMENSIONS, mean=answers.mean(axis=0),
                                  labels=[item.label for item in INSTRUMENT.items], language=language)  # fmt: skip
    return replace(made, dimension_labels={each.id: each.label for each in INSTRUMENT.dimensions})


def small_matrix(loadings, phi, home, n: int = 300, **how) -> ItemMatrix:
    """The exact correlations of factors whose items load on them alone."""
    r = np.outer(loadings, loadings) * np.array(phi)[np.ix_(home, home)]
    np.fill_diagonal(r, 1)
    return ItemMatrix.from_matrix(r, n, dimensions=[f"f{k}" for k in home], **how)


@pytest.fixture(scope="module")
def matrix() -> ItemMatrix:
    return scale_matrix()


@pytest.fixture(scope="module")
def counted(matrix) -> FactorCount:
    return factor_count(matrix, replicates=60)


@pytest.fixture(scope="module")
def model(matrix) -> FactorModel:
    return confirm_factors(matrix)


@pytest.fixture(scope="module")
def ladder(matrix) -> Invariance:
    return invariance({"old": matrix, "new": scale_matrix(500, 2, shift=0.5)}, by="store")


@pytest.fixture(autouse=True)
def no_figure_is_left() -> Iterator[None]:
    fonts._warn_no_font.cache_clear()
    pyplot.close("all")
    yield
    pyplot.close("all")


def cells(ax) -> np.ndarray:
    (found,) = [each for each in ax.collections if each.get_label() == "cells"]
    return np.asarray(found.get_array())


def rows(ax) -> list[str]:
    return [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]


def columns(ax) -> list[str]:
    return [label.get_text() for label in ax.get_xticklabels()]


def line(ax, label: str):
    (found,) = [each for each in ax.lines if each.get_label() == label]
    return found


def written(ax) -> list[str]:
    legend = ax.get_legend()
    return [ax.get_title(loc="left").replace("\n", " "), *(text.get_text().replace("\n", " ") for text in ax.texts),
            *([text.get_text() for text in legend.get_texts()] if legend else [])]  # fmt: skip


def caption(ax) -> str:
    """The small print, which is the last text, without its line breaks."""
    return ax.texts[-1].get_text().replace("\n", "").replace(" ", "")


def squeezed(text: str) -> str:
    return text.replace(" ", "")


def printed(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1).replace("-", "−")


# Correlations


def test_correlation_cells_are_the_correlations_below_and_above_the_diagonal(matrix):
    ax = matrix.table().plot(new_axes())
    off = ~np.eye(22, dtype=bool)
    assert cells(ax) == pytest.approx(matrix.correlation[off])
    assert rows(ax)[0] == f"1  {INSTRUMENT.items[0].label['en']}"
    assert columns(ax) == [str(k + 1) for k in range(22)]
    figures = [text for text in ax.texts if text.get_size() <= 8.5 and text.get_text().lstrip("−").startswith(".")]
    assert [text.get_text() for text in figures] == [printed(x) for x in matrix.correlation[np.tril_indices(22, -1)]]


def test_items_are_ordered_by_dimension_and_blocks_stand_apart(matrix):
    mixed = [ITEMS[j] for j in np.random.default_rng(5).permutation(22)]
    shuffled = matrix.subset(mixed)
    ax = draw_correlations(shuffled, new_axes())
    table = shuffled.table().to_frame().set_index("item")
    homes = dict(zip(ITEMS, DIMENSIONS, strict=True))
    labels = {item.label["en"]: item.id for item in INSTRUMENT.items}
    shown = [labels[label.split("  ")[1]] for label in rows(ax)]
    drawn = [homes[name] for name in shown]
    assert sum(a != b for a, b in itertools.pairwise(drawn)) == 4
    assert cells(ax) == pytest.approx(table.loc[shown, shown].to_numpy(float)[~np.eye(22, dtype=bool)])
    gaps = np.diff(ax.get_xticks())
    assert (gaps > 1.01).sum() == 4


def test_many_items_leave_the_figures_out():
    r = np.full((70, 70), 0.3) + np.eye(70) * 0.7
    ax = draw_correlations(ItemMatrix.from_matrix(r, 500), new_axes())
    assert len(cells(ax)) == 70 * 69
    assert ".30" not in written(ax)


# Scree


def test_scree_points_and_bands_are_the_scree_table(counted):
    ax = counted.plot(new_axes())
    scree = counted.scree.iloc[1:]
    for name, value, mean, high, rule in (("components", "eigenvalue", "chance", "chance_high", "parallel_components"),
                                          ("factors", "reduced", "reduced_chance", "reduced_high", "parallel_factors")):  # fmt: skip
        drawn = line(ax, name)
        assert drawn.get_xdata() == pytest.approx(np.arange(1, 23))
        assert drawn.get_ydata() == pytest.approx(scree[value].to_numpy())
        (band,) = [each for each in ax.collections if each.get_label() == f"{name} band"]
        corners = {(round(x, 9), round(y, 9)) for x, y in band.get_paths()[0].vertices}
        assert {(float(k), round(y, 9)) for k, y in enumerate(scree[mean], 1)} <= corners
        assert {(float(k), round(y, 9)) for k, y in enumerate(scree[high], 1)} <= corners
        assert len(line(ax, f"{name} counted").get_xdata()) == counted.counts[rule]
    assert "components: 5 above chance" in written(ax)
    low, high = ax.get_ylim()
    assert low < scree["reduced"].min()
    assert high > scree["eigenvalue"].max()


def test_scree_of_a_singular_matrix_draws_what_there_is():
    r = np.full((4, 4), 0.5) + np.eye(4) * 0.5
    r[3], r[:, 3] = r[2], r[:, 2]
    r[3, 3] = 1
    counted = factor_count(ItemMatrix.from_matrix(r, 200), replicates=20)
    ax = counted.plot(new_axes())
    assert line(ax, "components").get_ydata() == pytest.approx(counted.scree["eigenvalue"].iloc[1:].to_numpy())
    assert squeezed(counted.note()) in caption(ax)


# Loadings


def test_loading_cells_are_the_loadings_in_the_instruments_order(matrix):
    solution = explore_factors(matrix, 5)
    ax = solution.plot(new_axes())
    assert cells(ax).reshape(22, 5) == pytest.approx(solution.loadings.to_numpy())
    assert rows(ax) == [item.label["en"] for item in INSTRUMENT.items]
    assert columns(ax) == list(solution.pattern.factors)
    for value in solution.frame["communality"]:
        assert printed(value) in written(ax)
    assert "not shown" not in written(ax)[-1]  # they are, in grey
    assert squeezed(solution.how()) in caption(ax)


def test_loadings_below_the_cut_are_grey():
    matrix = small_matrix(np.array([0.7, 0.6, 0.7, 0.5, 0.6, 0.7]), np.eye(2), [0, 0, 0, 1, 1, 1])
    ax = explore_factors(matrix, 2, rotation="varimax").plot(new_axes())
    colors = {text.get_text(): text.get_color() for text in ax.texts}
    assert colors[".00"] == "#6E7781"
    assert colors[".50"] == "#1F2328"


def test_without_dimensions_items_stand_in_the_tables_own_order():
    matrix = replace(
        small_matrix(np.array([0.5, 0.7, 0.6, 0.6, 0.7, 0.8]), np.eye(2), [0, 1, 0, 1, 0, 1]), dimensions=("",) * 6
    )
    solution = explore_factors(matrix, 2)
    ax = draw_loadings(solution, new_axes())
    assert rows(ax) == solution.shown().iloc[:, 0].tolist()
    assert cells(ax).reshape(6, 2) == pytest.approx(solution.loadings.loc[rows(ax)].to_numpy())


def test_improper_items_are_marked_in_both_kinds_of_solution():
    r = np.array([[1, 0.8, 0.7, 0.2], [0.8, 1, 0.3, 0.2], [0.7, 0.3, 1, 0.2], [0.2, 0.2, 0.2, 1]])
    matrix = ItemMatrix.from_matrix(r, 200)
    confirmed = confirm_factors(matrix, model={"care": list(matrix.names)})
    ax = draw_loadings(confirmed, new_axes())
    assert f"{confirmed.frame['explained'][0]:.2f} !" in written(ax)
    assert "improper" in written(ax)[-1]
    explored = explore_factors(matrix, 1)
    assert explored.heywood == ("item1",)
    assert any(text.endswith(" !") for text in written(explored.plot(new_axes())))


def test_a_confirmatory_model_draws_only_the_loadings_it_has(model):
    ax = draw_loadings(model, new_axes())
    assert cells(ax) == pytest.approx(model.frame["standardised"].to_numpy())
    assert columns(ax) == [say(each.label, "en") for each in INSTRUMENT.dimensions]


# Path diagram


def figures(ax) -> dict[str, str]:
    return {text.get_gid(): text.get_text() for text in ax.texts if text.get_gid()}


def patches(ax) -> dict:
    return {patch.get_label(): patch for patch in ax.patches}


def test_path_arrows_and_curves_are_the_models_numbers(model):
    ax = model.plot(new_axes())
    drawn, shapes = figures(ax), patches(ax)
    for row in model.frame.to_dict("records"):
        name = f"{row['factor']} =~ {row['item']}"
        assert drawn[name] == printed(row["standardised"])
        start, end = shapes[name]._path_original.vertices
        ellipse, box = shapes[row["factor"]], shapes[row["item"]]
        assert start == pytest.approx([ellipse.center[0] + ellipse.width / 2, ellipse.center[1]])
        assert end[1] == pytest.approx(box.get_y() + box.get_height() / 2)
        assert end[0] < box.get_x()
    for row in model.correlations().to_frame().to_dict("records"):
        assert drawn[f"{row['first']} ~~ {row['second']}"] == printed(row["estimate"])
    assert sum(" ~~ " in name for name in drawn) == 10
    assert [drawn[name] for name in ITEMS] == [item.label["en"] for item in INSTRUMENT.items]


def test_no_two_texts_of_the_path_diagram_overlap(model):
    ax = model.plot(new_axes())
    ax.figure.canvas.draw()
    boxes = [(text.get_text(), text.get_window_extent()) for text in ax.texts if text.get_gid()]
    for k, (one, here) in enumerate(boxes):
        for other, there in boxes[k + 1 :]:
            assert not here.overlaps(there), f"{one} lies on {other}"


def test_what_cannot_be_is_marked_and_what_includes_zero_is_dashed():
    loadings = np.array([0.8, -0.7, 0.6, 0.7, 0.6, 0.7, 0.8, 0.7, 0.6])
    phi = [[1, 1.04, 0.02], [1.04, 1, 0.4], [0.02, 0.4, 1]]
    model = confirm_factors(small_matrix(loadings, phi, [0, 0, 0, 1, 1, 1, 2, 2, 2]))
    ax = draw_path(model, new_axes())
    assert figures(ax)["f0 ~~ f1"] == "1.04 !"
    assert figures(ax)["f0 =~ item2"] == "−.70"
    assert patches(ax)["f0 ~~ f2"].get_linestyle() == "dashed"
    assert patches(ax)["f1 ~~ f2"].get_linestyle() == "solid"
    small = written(ax)[-1]
    assert "Marked !" in small
    assert "Dashed" in small
    assert "Red: negative" in small
    assert squeezed(model.note()) in caption(ax)


def crossed(first: float, second: float, phi: float) -> FactorModel:
    """Two factors and seven items, the fourth of which loads on both."""
    loadings = np.zeros((7, 2))
    loadings[:4, 0], loadings[3:, 1] = (0.7, 0.6, 0.7, first), (second, 0.7, 0.6, 0.7)
    r = loadings @ np.array([[1, phi], [phi, 1]]) @ loadings.T
    np.fill_diagonal(r, 1)
    matrix = ItemMatrix.from_matrix(r, 300)
    return confirm_factors(matrix, model={"A": matrix.names[:4], "B": [*matrix.names[4:], "item4"]})


def test_a_loading_above_one_is_possible_beside_another_and_not_marked():
    ax = draw_path(crossed(1.1, -0.5, 0.6), new_axes())  # 1.21 + 0.25 - 0.66 = 0.80 of its variance
    assert figures(ax)["A =~ item4"] == "1.10"
    assert ".80" in written(ax)
    assert "Marked !" not in written(ax)[-1]


def test_further_loadings_stand_on_their_arrows():
    ax = draw_path(crossed(0.5, 0.5, 0.3), new_axes())
    assert figures(ax)["A =~ item4"] == figures(ax)["B =~ item4"] == ".50"
    ax.figure.canvas.draw()
    one, two = [text.get_window_extent() for text in ax.texts if text.get_gid() in ("A =~ item4", "B =~ item4")]
    assert not one.overlaps(two)
    assert "Marked !" not in written(ax)[-1]


def test_second_order_method_and_residual_links(matrix):
    negative = ["TAN2", "REL2", "RES1", "RES3", "EMP2"]
    at, more = [ITEMS.index(name) for name in negative], np.zeros((22, 22))
    more[np.ix_(at, at)] = 0.3
    more[0, 2] = more[2, 0] = 0.2
    more[[0, 2], [0, 2]] = 0.25
    made = replace(matrix, covariance=matrix.covariance + more)
    model = confirm_factors(
        made, second_order="quality", method_factors={"negative": negative}, residual_covariances=[("TAN1", "TAN3")]
    )
    ax = draw_path(model, new_axes())
    drawn, table = figures(ax), model.solution.table
    general, method = table.factors.index("quality"), table.factors.index("negative")
    for factor in FACTORS:
        assert drawn[f"quality =~ {factor}"] == printed(
            model.standard.regressions[table.factors.index(factor), general]
        )
    theta = model.solution.matrices[0].residuals
    assert drawn["TAN1 ~~ TAN3"] == printed(theta[0, 2] / np.sqrt(theta[0, 0] * theta[2, 2]))
    assert not any(f"{a} ~~ {b}" in drawn for a in FACTORS for b in FACTORS)
    assert "negative" in written(ax)
    for item in at:
        assert printed(model.standard.loadings[item, method]) in written(ax)


# Invariance


def test_ladder_dots_limits_and_the_reached_step_are_those_of_the_table(ladder):
    ax = ladder.plot(new_axes())
    (other,) = ax.child_axes
    frame, places = ladder.frame, ax.get_yticks()
    for axes, name in ((ax, "cfi"), (other, "rmsea")):
        (dots,) = [each for each in axes.collections if each.get_label() == "fit"]
        assert np.asarray(dots.get_offsets()) == pytest.approx(np.column_stack([frame[name], places]))
        assert axes.get_ylim() == ax.get_ylim()
    limits = [float(each.get_xdata()[0]) for each in ax.lines if each.get_label() == "limit"]
    assert limits == pytest.approx([ladder.least_cfi, *(frame["cfi"].to_numpy()[:-1] - ladder.worst_cfi)])
    limits = [float(each.get_xdata()[0]) for each in other.lines if each.get_label() == "limit"]
    assert limits == pytest.approx(frame["rmsea"].to_numpy()[:-1] + ladder.worst_rmsea)
    (bars,) = [each for each in other.collections if each.get_label() == "interval"]
    ends = np.array([[segment[0][0], segment[1][0]] for segment in bars.get_segments()])
    assert ends == pytest.approx(frame[["rmsea_low", "rmsea_high"]].to_numpy())
    assert ladder.reached == "metric"
    y = float(line(ax, "reached").get_ydata()[0])
    assert places[1] < y < places[2]
    assert {"reached: metric", "holds", "fails", "not judged: an earlier step fails"} <= set(written(ax))


def test_a_dot_lies_in_the_pale_bars_where_its_step_holds_and_only_there(ladder):
    ax = ladder.plot(new_axes())
    for place, row in ladder.frame.iterrows():
        if row["holds"] == "":
            continue
        inside = row["cfi"] >= [each for each in ax.patches if each.get_label() == "room"][place].get_x()
        if place:
            room = [each for each in ax.child_axes[0].patches if each.get_label() == "room"][place - 1]
            inside = inside and row["rmsea"] <= room.get_x() + room.get_width()
        assert inside == (row["holds"] == "yes")


def test_a_ladder_on_which_nothing_holds_has_no_line():
    matrix = scale_matrix(300, 3, cross=0.4)
    found = invariance({"a": matrix, "b": scale_matrix(300, 4)}, by="store", least_cfi=0.9999)
    assert found.reached == "none"
    ax = draw_ladder(found, new_axes())
    assert not [each for each in ax.lines if each.get_label() == "reached"]
    assert "no step holds" in written(ax)


def test_a_step_without_a_fit_says_so(ladder):
    frame = ladder.frame.copy()
    numbers = [name for name in frame if name not in ("step", "holds", "reason")]
    frame[numbers] = frame[numbers].astype(float)
    frame.loc[2, numbers] = np.nan
    frame.loc[2, ["holds", "reason"]] = ["no", "not converged"]
    ax = draw_ladder(replace(ladder, frame=frame.iloc[:3]), new_axes())
    assert "no best fit was found" in written(ax)
    frame[numbers] = np.nan
    with pytest.raises(SpecError, match="none converged"):
        draw_ladder(replace(ladder, frame=frame), new_axes())


# All of them


def all_results(matrix, counted, model, ladder) -> list:
    return [matrix.table(), counted, explore_factors(matrix, 5), model, ladder]


def test_every_picture_speaks_chinese(matrix, counted, model, ladder):
    solution = explore_factors(matrix, 5)
    for result, extra in ((matrix.table(), "相关"), (counted, "主成分：5 个高于随机"), (solution, "共同度"), (model, "有形性"),
                          (ladder, "达到：度量（载荷）")):  # fmt: skip
        shown = result.in_language("zh")
        ax = shown.plot(new_axes())
        assert written(ax)[0] == shown.title()
        assert any(extra in text for text in written(ax))
        note = shown.how() if hasattr(shown, "how") else shown.note()
        assert squeezed(note) in caption(ax)


def test_without_a_chinese_font_the_pictures_are_english(matrix, counted, model, ladder, monkeypatch):
    monkeypatch.delenv("SERVQUAL_FONT", raising=False)
    monkeypatch.setattr(fonts, "CHINESE_FAMILIES", ())
    monkeypatch.setattr(fonts, "find_spec", lambda name: None)
    for result in all_results(matrix, counted, model, ladder):
        fonts._warn_no_font.cache_clear()
        with pytest.warns(fonts.NoChineseFont):
            ax = result.in_language("zh").plot(new_axes())
        assert written(ax)[0] == result.title()


def test_pictures_leave_their_results_alone_and_are_the_same_bytes_again(matrix, counted, model, ladder):
    for result in all_results(matrix, counted, model, ladder):
        before = result.to_frame().copy()
        assert save_svg(result.plot(new_axes())) == save_svg(result.plot(new_axes()))
        pd.testing.assert_frame_equal(result.to_frame(), before)


def test_pictures_go_onto_axes_that_are_given(matrix, counted, model, ladder):
    figure, axes = pyplot.subplots(1, 2, figsize=(16, 9))
    for draw, result in zip((draw_correlations, draw_scree, draw_loadings, draw_path, draw_ladder),
                            all_results(matrix, counted, model, ladder), strict=True):  # fmt: skip
        axes[0].clear()
        assert draw(result, axes[0]) is axes[0]
        assert figure.get_size_inches() == pytest.approx([16, 9])
    assert save_png(figure, 40)[:4] == b"\x89PNG"
