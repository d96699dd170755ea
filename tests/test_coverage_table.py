"""The committed table of coverage says what the simulation says, and the simulation asks the toolkit itself.

The truth is checked against scipy's normal distribution and against many simulated answers; the intervals against
``score_gaps`` and ``compare``; the table against the first studies, simulated anew. Repeating all of it takes half an
hour: ``python -m benchmarks.coverage``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from benchmarks import coverage
from servqual import Bootstrap, Responses, SampleDesign, Student, Taylor, compare, score_gaps
from servqual.inference import Interval

TABLE = Path(__file__).parents[1] / "docs" / "coverage.md"
SCENARIOS = {scenario.id: scenario for scenario in coverage.SCENARIOS}
GATED = next(scenario for scenario in coverage.SCENARIOS if scenario.gated)


@cache
def read(name: str) -> pd.DataFrame:
    """One table of the page, found by its head."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    cells = [tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in lines]
    start = cells.index(coverage.HEADS[name])
    stop = next((k for k in range(start, len(lines)) if not lines[k].startswith("|")), len(lines))
    return pd.DataFrame(cells[start + 2 : stop], columns=list(coverage.HEADS[name]))


def percent(column: pd.Series) -> pd.DataFrame:
    """Coverage and its error out of "95.06 ± 0.22"."""
    return column.str.split(" ± ", expand=True).astype(float).set_axis(["percent", "error"], axis=1)


# --- what is committed -------------------------------------------------------------------------------------


def test_the_table_was_made_with_the_settings_of_the_script() -> None:
    written, expected = dict(read("settings").to_numpy()), dict(coverage.setting_lines())
    versions = "versions"  # of that day: the numbers below show whether they still hold
    assert {k: v for k, v in written.items() if k != versions} == {k: v for k, v in expected.items() if k != versions}
    assert written["seed, fixed before the first run"] == "20261122"
    assert written["studies, gated scenario"] == "10,000"
    assert GATED.stores == (20, 20)


def test_every_gated_interval_covers_as_it_should() -> None:
    gated = read("gated")
    assert len(gated) == 4 * 6  # overall, two tiers and their difference; five dimensions and the total
    for method in ("Taylor", "Bootstrap"):
        shown = percent(gated[method])
        outside = gated[(shown["percent"] < 94) | (shown["percent"] > 96)]
        assert outside.empty, outside[["row", "measure", method]].to_string()


def test_monte_carlo_errors_are_those_of_so_many_studies() -> None:
    for method in ("Taylor", "Bootstrap"):
        shown = percent(read("gated")[method])
        binomial = np.sqrt(shown["percent"] * (100 - shown["percent"]) / GATED.studies)
        assert np.allclose(shown["error"], binomial, atol=0.006)  # both rounded to two decimals


def test_too_low_and_too_high_add_up_to_what_is_not_covered() -> None:
    gated = read("gated")
    missed = gated["too low"].astype(float) + gated["too high"].astype(float)
    assert np.allclose(missed, 100 - percent(gated["Taylor"])["percent"], atol=0.011)


def test_estimates_have_no_bias_that_an_interval_would_notice() -> None:
    """A mean error over 10,000 studies has a standard error of 0.01 standard errors of the estimate."""
    assert read("gated")["mean error / SE"].astype(float).abs().max() < 0.045


def test_every_scenario_has_all_its_rows() -> None:
    pooled = read("all")
    expected = {scenario.words: 2 * len(scenario.rows) for scenario in coverage.SCENARIOS}
    assert pooled["scenario"].value_counts(sort=False).to_dict() == expected


def test_leaving_clusters_out_is_shown_to_be_wrong() -> None:
    """The contrast that gives the other numbers their meaning: independent respondents where stores differ."""
    even = read("all").query("scenario == @GATED.words")
    assert (percent(even["Student"])["percent"] < 85).all()


def test_true_gaps_are_those_in_the_table() -> None:
    written = {tuple(line) for line in read("truth").drop(columns="scenario").to_numpy()}
    expected = {
        (coverage.row_words(scenario, row), *(f"{value:.4f}" for value in known))
        for scenario in coverage.SCENARIOS
        for row, known in zip(scenario.rows, coverage.truth(scenario), strict=True)
    }
    assert written == expected


def test_the_list_of_poor_coverage_is_complete_and_the_rule_finds_it() -> None:
    """Every line under 93% is listed, and each has effective degrees of freedom under two thirds of those used."""
    pooled = read("all")
    poor = (percent(pooled["Taylor"])["percent"] < 93) | (percent(pooled["Bootstrap"])["percent"] < 93)
    heads = list(coverage.HEADS["below"])
    pd.testing.assert_frame_equal(pooled.loc[poor, heads].reset_index(drop=True), read("below"))
    ratio = pooled["effective df"].astype(float) / pooled["df"].astype(float)
    assert poor.any()
    assert (ratio[poor] < coverage.CAREFUL).all()


def test_the_rule_divides_coverage_at_93_percent() -> None:
    """Every class under two thirds covers less than 93% with Taylor, every class above it more."""
    classes = read("ratio")
    lower = classes["effective df / df"].isin(["under 1/3", "1/3 to 1/2", "1/2 to 2/3"])
    taylor = percent(classes["Taylor"])["percent"]
    assert (taylor[lower] < 93).all()
    assert (taylor[~lower] > 93).all()
    mended = percent(classes["Taylor, t with effective df"])["percent"]
    assert mended.between(94, 96).all()


# --- the truth ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, -0.4])
def test_truth_is_the_mean_of_the_cut_answers(shift: float) -> None:
    """sum k P(answer = k) with scipy's normal distribution, item by item, dimension by dimension."""
    points, edges = np.arange(1, 8), np.array([-np.inf, *np.arange(1.5, 7), np.inf])
    item = {}
    for form in ("expectation", "perception"):
        parts = (coverage.STORE_SD[form], coverage.PERSON_SD[form], coverage.ITEM_SD[form])
        latent = coverage.latent_mean(form)[..., None] + (shift if form == "perception" else 0)
        share = np.diff(norm.cdf(edges, latent, np.sqrt(np.square(parts).sum())))
        item[form] = share @ points
    gap = item["perception"] - item["expectation"]
    names = [dimension.id for dimension in coverage.INSTRUMENT.dimensions]
    member = np.array([names.index(item.dimension) for item in coverage.INSTRUMENT.items])
    by_dimension = np.stack([gap[:, member == k].mean(axis=1) for k in range(len(names))], axis=1)
    expected = np.column_stack([by_dimension, by_dimension.mean(axis=1)])
    assert np.allclose(coverage.true_gaps(shift), expected, atol=1e-12)


@pytest.mark.parametrize("id", SCENARIOS)
def test_simulated_studies_scatter_about_the_truth(id: str) -> None:
    """Plain weighted means of many studies, without the toolkit; five standard errors of the studies' own scatter."""
    scenario, k = SCENARIOS[id], len(coverage.INSTRUMENT.items)
    gaps = []
    for number in range(60):
        frame = coverage.simulated(scenario, number)
        answers = frame.iloc[:, : 2 * k].to_numpy(float)
        weight = frame["weight"] if scenario.weighted else pd.Series(1.0, frame.index)
        gap = np.stack([m.of(answers[:, k:]) - m.of(answers[:, :k]) for m in coverage.measures()], axis=1)
        chosen = {name: frame[scenario.by] == name for name in ("standard", "flagship", "group", "others")}
        mean = {name: np.average(gap[own], axis=0, weights=weight[own]) for name, own in chosen.items() if own.any()}
        if scenario.by == "tier":
            whole = np.average(gap, axis=0, weights=weight)
            gaps.append([whole, mean["standard"], mean["flagship"], mean["flagship"] - mean["standard"]])
        elif "group" in mean:
            gaps.append([mean["group"], mean["group"] - mean["others"]])
    scatter = np.std(gaps, axis=0, ddof=1) / np.sqrt(len(gaps))
    assert (np.abs(np.mean(gaps, axis=0) - coverage.truth(scenario)) < 5 * scatter).all()


def test_stores_and_groups_are_as_the_scenario_says() -> None:
    even = coverage.simulated(SCENARIOS["even-40"], 1).groupby("store").size()
    assert len(even) == 40
    assert even.between(18, 22).all()
    skewed = coverage.simulated(SCENARIOS["skewed-40"], 1).groupby("store").size()
    assert skewed.between(5, 100).all()
    assert skewed.max() > 3 * skewed.median()
    frame = coverage.simulated(SCENARIOS["group-12"], 1)
    members = frame[frame["group"] == "group"].groupby("store").size()
    assert members.between(2, 5).all()
    assert 4 < len(members) < 22  # 40 stores with a chance of 0.3 each


def test_stores_differ_as_much_as_the_page_says() -> None:
    """Intraclass correlations of the gaps by analysis of variance within tiers, over 40 studies."""
    scenario, k = SCENARIOS["even-40"], len(coverage.INSTRUMENT.items)
    squares = []
    for number in range(40):
        frame = coverage.simulated(scenario, number)
        answers = frame.iloc[:, : 2 * k].to_numpy(float)
        gap = pd.DataFrame({m.id: m.of(answers[:, k:]) - m.of(answers[:, :k]) for m in coverage.measures()})
        of_store, of_tier = (gap.groupby(frame[name]).transform("mean") for name in ("store", "tier"))
        between, within = ((of_store - of_tier) ** 2).sum() / 38, ((gap - of_store) ** 2).sum() / (len(gap) - 40)
        squares.append([between, within])
    between, within = np.mean(squares, axis=0)
    common = (between - within) / 20
    assert ((common / (common + within) > 0.06) & (common / (common + within) < 0.105)).all()


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ([[10, 10, 10, 10]], 2.0),  # equal stores: stores minus strata
        ([[20, 10, 20, 10]], 3600 / 1000 - 2),  # Kish: (sum n)^2 / sum n^2
        ([[9, 0, 1, 0]], 0.0),  # 1.2 stores in two strata: nothing is left
        ([[10, 10, 10, 10], [5, 5, 5, 5]], 4.0),  # two equal variances with 2 each
        ([[10, 10, 10, 10], [0, 7, 7, 7]], (1 / 4 + 1 / 3) ** 2 / (1 / 16 / 2 + 1 / 9 / 1)),
    ],
)
def test_effective_degrees_of_freedom(sides: list[list[int]], expected: float) -> None:
    """By hand: Kish's number of stores minus strata, two sides combined after Satterthwaite."""
    store, tier = np.arange(4), np.array(["a", "a", "b", "b"])
    frames = [pd.DataFrame({"store": np.repeat(store, n), "tier": np.repeat(tier, n)}) for n in sides]
    assert coverage.effective_df(frames) == pytest.approx(expected)


def test_effective_degrees_of_freedom_go_by_weights() -> None:
    frame = pd.DataFrame({"store": [0, 1, 1], "tier": list("aaa"), "weight": [4.0, 1.0, 1.0]})
    assert coverage.effective_df([frame]) == pytest.approx(36 / 20 - 1)


# --- the intervals -----------------------------------------------------------------------------------------

INTERVALS = (Taylor(), Bootstrap(coverage.REPLICATES, 3), Bootstrap(coverage.REPLICATES, 3, percentile=True), Student())


def shown(responses: Responses, scenario: coverage.Scenario, interval: Interval) -> dict[str, pd.DataFrame]:
    """The toolkit's own tables, one per row of the scenario: low and high by measure."""
    split = score_gaps(responses, by=scenario.by, interval=interval)
    both = pd.concat([split.to_frame(), split.to_frame("total").rename(columns={"total": "dimension"})])
    tables = {str(label): part for label, part in both.groupby(scenario.by)}
    pairs = compare(split, scenario.by).to_frame()
    if pairs[scenario.by].iloc[0] in ("standard", "others"):  # compare takes groups as they appear in the data
        pairs[["low", "high"]] = -pairs[["high", "low"]].to_numpy()
    whole = score_gaps(responses, interval=interval)
    parts = [whole.to_frame(), whole.to_frame("total").rename(columns={"total": "dimension"})]
    tables |= {"difference": pairs, "all": pd.concat(parts)}
    names = [measure.id for measure in coverage.measures()]
    return {row: tables[row].set_index("dimension").loc[names, ["low", "high"]] for row in scenario.rows}


@pytest.mark.parametrize("id", ["even-10", "group-12", "weighted-40"])
@pytest.mark.parametrize("k", range(len(INTERVALS)), ids=coverage.METHODS)
def test_intervals_are_those_of_score_gaps_and_compare(id: str, k: int) -> None:
    """The simulation takes the steps of ``score_gaps`` without its diagnostics: answers checked anew, same numbers."""
    scenario, number = SCENARIOS[id], 3
    frame = coverage.simulated(scenario, number)
    design = SampleDesign("tier", "store", "weight" if scenario.weighted else None, selection="probability")
    expected = shown(Responses(frame, coverage.INSTRUMENT, design), scenario, INTERVALS[k])
    found = coverage.analysed(scenario, frame, number)
    for r, row in enumerate(scenario.rows):
        bounds = np.stack([found["low"][r, k], found["high"][r, k]], axis=1)
        assert np.isfinite(bounds).all()
        assert np.allclose(bounds, expected[row], rtol=0, atol=1e-12)


def test_a_group_nobody_belongs_to_has_no_interval() -> None:
    scenario = SCENARIOS["group-6"]
    frame = coverage.simulated(scenario, 0).assign(group="others")
    found = coverage.analysed(scenario, frame, 0)
    assert np.isnan(found["low"]).all()
    assert np.isnan(found["high"]).all()


def test_coverage_counts_intervals_and_takes_studies_as_units() -> None:
    """Four studies with two intervals each, one of them without: 5 of 7; the error by hand from the ratio."""
    miss = np.array([[0, 0], [0, 1], [0, 9], [-1, 0]], dtype=np.int8)
    percentage, error = coverage.coverage(miss)
    assert percentage == pytest.approx(100 * 5 / 7)
    by_hand = np.array([2 - 10 / 7, 1 - 10 / 7, 1 - 5 / 7, 1 - 10 / 7])
    assert error == pytest.approx(100 * np.sqrt((by_hand**2).sum()) / 7)


@pytest.mark.parametrize("id", ["even-40", "skewed-10", "group-6"])
def test_the_first_studies_come_out_as_written(id: str) -> None:
    """The same seed gives the same answers, intervals and widths as on the day the table was made."""
    scenario = SCENARIOS[id]
    found = coverage.first_line(scenario, coverage.outcomes(scenario, range(coverage.FIRST)))
    written = read("first").set_index("scenario").loc[scenario.words]
    assert found[1:] == tuple(written)


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece that is there is not simulated again; together the pieces are the studies one by one."""
    monkeypatch.setattr(coverage, "PIECE", 2)
    short, whole, counted = replace(SCENARIOS["even-10"], studies=3), coverage.outcomes, []
    monkeypatch.setattr(coverage, "outcomes", lambda s, numbers: counted.append(list(numbers)) or whole(s, numbers))
    coverage.run(tmp_path, [short])
    next(coverage.pieces(short, tmp_path))[0].unlink()
    coverage.run(tmp_path, [short])
    assert counted == [[0, 1], [2], [0, 1]]
    together = coverage.collected(short, tmp_path)
    assert all(np.array_equal(together[key], part, equal_nan=True) for key, part in whole(short, range(3)).items())
