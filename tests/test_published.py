"""Published numbers: every entry of tests/reference/published.toml, through the public functions.

Authority: the source that each entry names (Student, Kish, Lohr, Johnson and Wichern, NIST, ...); the file says how
each number was confirmed. ``expect`` holds what the source prints, to half a unit of its last digit (``atol``);
``computed`` what R 4.2.2 and survey 4.1.1 give for the same data, to a relative 1e-9. No tolerance is set here but that
1e-9, which is the file's own.

What the package does not compute is listed in ``UNUSED`` with the reason, and the last tests see to it that every field
of the file is either compared or listed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from servqual import Mean, Moments, Ratio, Responses, SampleDesign, Total, Variance, estimate, score_gaps
from servqual.difference_scores import difference_reliability
from servqual.inference import adjust_p, hotelling, signed_rank
from servqual.instruments import Dimension, Form, Instrument, Item, Scale

REFERENCE = Path(__file__).parent / "reference" / "published.toml"
ENTRIES = {entry["id"]: entry for entry in tomllib.loads(REFERENCE.read_text(encoding="utf-8"))["entry"]}
COMPUTED_REL = 1e-9  # stated at the head of published.toml

EXACT = "signed ranks use the normal approximation with continuity correction; no exact or uncorrected p is offered"
OTHER_RULE = "one rule for single-cluster strata is offered, R's 'adjust'; this is another rule"
UNUSED = {
    "sleep_signed_rank.p_uncorrected": EXACT,
    "sleep_signed_rank.p_exact": EXACT,
    "sleep_signed_rank.p_greater_exact": EXACT,
    "depression_signed_rank.p_greater_exact": EXACT,
    "depression_signed_rank.p_uncorrected": EXACT,
    "depression_signed_rank.p_exact": EXACT,
    "twins_signed_rank.p_exact": EXACT,
    "twins_signed_rank.p_uncorrected": EXACT,
    "twins_signed_rank.p_greater_exact": EXACT,
    "maize_paired_t.p_signed_rank_exact": EXACT,
    **{
        f"lonely_province.se_{statistic}_{rule}": OTHER_RULE
        for statistic in ("mean", "total", "ratio")
        for rule in ("certainty", "remove", "average")
    },
    "attitude_alpha.alpha_standardised": "alpha is given of covariances, as answered; no standardised alpha yet",
    "libqual_zone": "read by tests/test_tolerance.py",
}

Case = Callable[[dict[str, Any]], dict[str, Any]]
CASES: dict[str, Case] = {}


def case(name: str) -> Callable[[Case], Case]:
    """Registers the function that computes an entry's fields from its data."""

    def register(function: Case) -> Case:
        CASES[name] = function
        return function

    return register


# --- the public functions on small data --------------------------------------------------------------------


def instrument(dimensions: Sequence[str], low: int, high: int, items: int = 1) -> Instrument:
    """Items named after their dimensions, asked as expectation ``E_`` and perception ``P_``."""
    text = {"en": "text"}
    return Instrument(
        "published",
        "1",
        text,
        "",
        Scale(low, high),
        (Form("expectation", "E_{id}"), Form("perception", "P_{id}")),
        tuple(Dimension(name, {"en": name}) for name in dimensions),
        tuple(Item(f"{name}{k}", name, {"en": name}, text) for name in dimensions for k in range(items)),
    )


def whole(values: Sequence[float], unit: float) -> np.ndarray:
    """Measurements counted in units of their last digit, since answers are whole numbers."""
    counted = np.asarray(values, dtype=float) / unit
    assert counted == pytest.approx(np.rint(counted), abs=1e-9), "the unit must make every value whole"
    return np.rint(counted)


def gaps_of(first: Sequence[float], second: Sequence[float], unit: float = 1, *, paired: bool = True) -> dict[str, Any]:
    """``first - second`` as the gap of one item: its line of the table and its effect sizes, in the data's units."""
    p, e = whole(first, unit), whole(second, unit)
    asked = instrument("x", int(min(p.min(), e.min())), int(max(p.max(), e.max())))
    if paired:
        responses = Responses(pd.DataFrame({"P_x0": p, "E_x0": e}), asked)
    else:
        responses = Responses(pd.DataFrame({"P_x0": p}), asked).joined_with(Responses(pd.DataFrame({"E_x0": e}), asked))
    gaps = score_gaps(responses)
    line, effect = gaps.to_frame("items").iloc[0], gaps.effects.to_frame().iloc[0]
    scaled = {name: line[name] * unit for name in ("perception", "expectation", "gap", "se", "low", "high")}
    scaled |= {"t": line["gap"] / line["se"], "df": line["df"], "p": line["p"], "sd_gap": effect["sd_gap"] * unit}
    return scaled | {name: effect[name] for name in ("dz", "dav", "wilcoxon_v", "wilcoxon_p")}


def row(frame: pd.DataFrame, statistic: Any, design: SampleDesign | None = None) -> pd.Series:
    return estimate(frame, statistic, design).to_frame().iloc[0]


# --- t tests and signed ranks ------------------------------------------------------------------------------


@case("sleep_paired_t")
def sleep_paired_t(data: dict[str, Any]) -> dict[str, Any]:
    found = gaps_of(data["first"], data["second"], 0.1)
    named = {"mean_difference": "gap", "ci95_low": "low", "ci95_high": "high", "sd_difference": "sd_gap"}
    same = {name: found[name] for name in ("t", "df", "p", "se", "dz", "dav")}
    return same | {theirs: found[ours] for theirs, ours in named.items()}


def welch(data: dict[str, Any], unit: float) -> dict[str, Any]:
    """Two files answered by different people, neither with a sample design: Welch's t."""
    found = gaps_of(data["first"], data["second"], unit, paired=False)
    named = {"mean_first": "perception", "mean_second": "expectation", "ci95_low": "low", "ci95_high": "high"}
    return {name: found[name] for name in ("t", "df", "p")} | {theirs: found[ours] for theirs, ours in named.items()}


@case("sleep_welch")
def sleep_welch(data: dict[str, Any]) -> dict[str, Any]:
    return welch(data, 0.1)


@case("welch_rosetta")
def welch_rosetta(data: dict[str, Any]) -> dict[str, Any]:
    return welch(data, 0.1)


def signed_ranks(data: dict[str, Any], unit: float) -> dict[str, Any]:
    """By the function, and the same V and p beside the gap table."""
    difference = whole(data["first"], unit) - whole(data["second"], unit)
    v, p, n = signed_rank(difference)
    beside = gaps_of(data["first"], data["second"], unit)
    assert (beside["wilcoxon_v"], beside["wilcoxon_p"]) == (v, p)
    counts = {"n_nonzero": n, "n_zero": len(difference) - n}
    return counts | {"v_positive": v, "v_negative": signed_rank(-difference)[0], "p_corrected": p}


@case("sleep_signed_rank")
def sleep_signed_rank(data: dict[str, Any]) -> dict[str, Any]:
    return signed_ranks(data, 0.1)


@case("depression_signed_rank")
def depression_signed_rank(data: dict[str, Any]) -> dict[str, Any]:
    return signed_ranks(data, 0.001)


@case("twins_signed_rank")
def twins_signed_rank(data: dict[str, Any]) -> dict[str, Any]:
    return signed_ranks(data, 1)


@case("maize_paired_t")
def maize_paired_t(data: dict[str, Any]) -> dict[str, Any]:
    difference = np.array(data["difference"])
    found = gaps_of(100 + difference, np.full(len(difference), 100))
    named = {"mean_difference": "gap", "ci95_low": "low", "ci95_high": "high", "sd_difference": "sd_gap"}
    ranks = {"v_positive": found["wilcoxon_v"], "v_negative": signed_rank(-difference)[0]}
    same = {name: found[name] for name in ("t", "df", "p")}
    return same | ranks | {theirs: found[ours] for theirs, ours in named.items()}


@case("bh1995")
def bh1995(data: dict[str, Any]) -> dict[str, Any]:
    named = {"bonferroni": "bonferroni", "holm": "holm", "bh": "fdr_bh", "by": "fdr_by"}
    adjusted = {theirs: adjust_p(np.array(data["p"]), ours) for theirs, ours in named.items()}
    rejected = {f"rejected_{name}": int((p <= data["level"]).sum()) for name, p in adjusted.items()}
    return rejected | {name: p.tolist() for name, p in adjusted.items()}


# --- samples with a design ---------------------------------------------------------------------------------


@case("lohr_agstrat")
def lohr_agstrat(data: dict[str, Any]) -> dict[str, Any]:
    """Data with the published n, mean and variance of each stratum: mean +/- a, and the mean itself n - 2 times."""
    parts = []
    columns = [data[key] for key in ("stratum", "population", "n", "mean", "variance")]
    for name, size, n, mean, variance in zip(*columns, strict=True):
        away = np.zeros(n)
        away[:2] = np.sqrt(variance * (n - 1) / 2) * np.array([1, -1])
        parts.append(pd.DataFrame({"stratum": name, "weight": size / n, "acres": mean + away}))
    sizes = dict(zip(data["stratum"], data["population"], strict=True))
    frame, design = pd.concat(parts), SampleDesign(strata="stratum", weight="weight", population=sizes)
    mean, total = row(frame, Mean("acres"), design), row(frame, Total("acres"), design)
    found = {"mean": mean["estimate"], "se_mean": mean["se"], "ci95_low": mean["low"], "ci95_high": mean["high"]}
    return found | {"total": total["estimate"], "se_total": total["se"], "df": mean["df"]}


@case("lohr_gpa")
def lohr_gpa(data: dict[str, Any]) -> dict[str, Any]:
    suites = [(k, value) for k, suite in enumerate(data["gpa"]) for value in suite]
    size = data["clusters_in_population"]
    frame = pd.DataFrame(suites, columns=["suite", "gpa"]).assign(size=size, weight=size / len(data["gpa"]))
    known = SampleDesign(clusters="suite", weight="weight", population="size", whole_clusters=True)
    unknown = SampleDesign(clusters="suite", weight="weight")
    mean, total = row(frame, Mean("gpa"), known), row(frame, Total("gpa"), known)
    totals = pd.DataFrame({"total": [sum(suite) for suite in data["gpa"]]})
    assert totals["total"].tolist() == pytest.approx(data["suite_total"], abs=1e-12)
    return {
        "total": total["estimate"],
        "se_total": total["se"],
        "mean": mean["estimate"],
        "se_mean": mean["se"],
        "se_total_no_correction": row(frame, Total("gpa"), unknown)["se"],
        "se_mean_no_correction": row(frame, Mean("gpa"), unknown)["se"],
        "df": mean["df"],
        "variance_of_totals": row(totals, Variance("total"))["estimate"],
        "deff_replace": mean["deff"],
    }


@case("mu284_two_stage")
def mu284_two_stage(data: dict[str, Any]) -> dict[str, Any]:
    size, sampled = data["clusters_in_population"], len(data["cluster"])
    rows = [(c, m, value, size / sampled * m / len(values)) for c, m, values
            in zip(data["cluster"], data["units_in_cluster"], data["y"], strict=True) for value in values]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["cluster", "units", "y", "weight"]).assign(size=size)
    design = SampleDesign(clusters="cluster", weight="weight", population=("size", "units"))
    mean, total = row(frame, Mean("y"), design), row(frame, Total("y"), design)
    weights = row(frame.assign(one=1.0), Total("one"), design)
    return {
        "total": total["estimate"],
        "variance_total": total["se"] ** 2,
        "se_total": total["se"],
        "mean": mean["estimate"],
        "se_mean": mean["se"],
        "sum_weights": weights["estimate"],
        "df": total["df"],
    }


@case("stata_fpc")
def stata_fpc(data: dict[str, Any]) -> dict[str, Any]:
    """Cluster numbers start again in each stratum: cluster 1 of stratum 2 is not cluster 1 of stratum 1."""
    frame = pd.DataFrame(data)
    known = SampleDesign(
        strata="stratum", clusters="psu", weight="weight", population="population", whole_clusters=True
    )
    unknown = SampleDesign(strata="stratum", clusters="psu", weight="weight")
    mean, total = row(frame, Mean("x"), known), row(frame, Total("x"), known)
    return {
        "mean": mean["estimate"],
        "se": mean["se"],
        "se_no_correction": row(frame, Mean("x"), unknown)["se"],
        "total": total["estimate"],
        "se_total": total["se"],
        "se_total_no_correction": row(frame, Total("x"), unknown)["se"],
        "df": mean["df"],
    }


@case("lonely_province")
def lonely_province(data: dict[str, Any]) -> dict[str, Any]:
    """One unit of one in the first stratum: no error there. Without population sizes it is lonely (R: 'adjust')."""
    frame = pd.DataFrame(data)
    unknown = SampleDesign(strata="stratum", weight="weight")
    statistics = {"mean": Mean("ue91"), "total": Total("ue91"), "ratio": Ratio("ue91", "lab91")}
    found: dict[str, Any] = {}
    for clusters in (None, "psu"):  # municipalities drawn directly, or as clusters in which everything was seen
        known = SampleDesign("stratum", clusters, "weight", "population", whole_clusters=clusters is not None)
        for name, statistic in statistics.items():
            line = row(frame, statistic, known)
            label = "ratio_ue91_lab91" if name == "ratio" else name
            again = {label: line["estimate"], f"se_{name}": line["se"], "df": line["df"]}
            assert {key: found.get(key, value) for key, value in again.items()} == pytest.approx(again, rel=1e-12)
            found |= again | {f"se_{name}_adjust": row(frame, statistic, unknown)["se"]}
    return found


@case("levy_repeated")
def levy_repeated(data: dict[str, Any]) -> dict[str, Any]:
    frame = pd.DataFrame({"mean": data["mean_of_cluster"], "total": data["total_of_cluster"]})
    frame = frame.assign(size=data["population"], weight=data["population"] / len(frame))
    design = SampleDesign(weight="weight", population="size")
    mean, total = row(frame, Mean("mean"), design), row(frame, Total("total"), design)
    return {
        "mean": mean["estimate"],
        "se_mean": mean["se"],
        "mean_ci95_low": mean["low"],
        "mean_ci95_high": mean["high"],
        "total": total["estimate"],
        "se_total": total["se"],
        "total_ci95_low": total["low"],
        "total_ci95_high": total["high"],
        "df": mean["df"],
    }


@case("kish_cluster_deff")
def kish_cluster_deff(data: dict[str, Any]) -> dict[str, Any]:
    """A 0/1 sample whose intraclass correlation over all pairs is exactly rho.

    With c clusters of m the estimated deff is ``c/(c-1) (n-1)/n (1 + (m-1) rho)``, an identity; with the two
    small-sample factors taken off, Kish's expression remains.
    """
    m, n = data["m"], data["n"]
    c = n // m
    away = np.repeat([4, 4, 2] + [3] * 22, 2) * np.tile([1, -1], 25)  # ones in a cluster: 8 +/- these, so p = .4
    ones = 8 + away
    frame = pd.DataFrame({"shop": np.repeat(np.arange(c), m), "yes": np.concatenate([np.arange(m) < k for k in ones])})
    frame["yes"] = frame["yes"].astype(int)
    t = (ones - m * 0.4).astype(float)
    rho = ((t**2).sum() - n * 0.24) / ((m - 1) * n * 0.24)
    assert rho == pytest.approx(data["rho"], rel=1e-12)
    deff = row(frame, Mean("yes"), SampleDesign(clusters="shop"))["deff"] * (c - 1) / c * n / (n - 1)
    return {"deff": deff, "n_effective": n / deff}


@case("t_half_width")
def t_half_width(data: dict[str, Any]) -> dict[str, Any]:
    values = pd.DataFrame({"x": [1.0, 2.0, 4.0, 4.0, 7.0]})
    assert len(values) == data["n"]
    line = estimate(values, Mean("x"), level=data["level"]).to_frame().iloc[0]
    return {"half_width_in_sd": (line["high"] - line["low"]) / 2 / values["x"].std()}


# --- several means at once, reliability, accuracy ----------------------------------------------------------


@case("difference_reliability")
def reliability(data: dict[str, Any]) -> dict[str, Any]:
    a, b, sd_a, sd_b = (data[k] for k in ("reliability_first", "reliability_second", "sd_first", "sd_second"))
    return {"reliability": [difference_reliability(a, b, r, sd_a, sd_b) for r in data["correlation"]]}


@case("sweat_hotelling")
def sweat_hotelling(data: dict[str, Any]) -> dict[str, Any]:
    frame = pd.DataFrame(data["rows"], columns=["rate", "sodium", "potassium"])
    moments, n = Moments.from_frame(frame, list(frame.columns)), len(frame)
    mean = moments.means()
    joint = hotelling(mean - np.array(data["mu0"]), moments.covariance() / n, n - 1, n, {"en": "the means are mu0"})
    return {"mean": mean.tolist(), "t2": joint.t2, "f": joint.f, "df1": joint.df1, "df2": joint.df2, "p": joint.p}


@case("effluent_hotelling")
def effluent_hotelling(data: dict[str, Any]) -> dict[str, Any]:
    first, second = np.array(data["first"]), np.array(data["second"])
    asked = instrument("ab", 0, 130)
    columns = [f"{form}_{item.id}" for form in "PE" for item in asked.items]
    gaps = score_gaps(Responses(pd.DataFrame(np.hstack([first, second]), columns=columns), asked))
    joint = gaps.joint[0]
    found = {"mean_difference": gaps.to_frame()["gap"].tolist()}
    return found | {"t2": joint.t2, "f": joint.f, "df1": joint.df1, "df2": joint.df2, "p": joint.p}


def benchmark(values: Sequence[float]) -> dict[str, Any]:
    frame = pd.DataFrame({"x": np.asarray(values, dtype=float)})
    mean, variance = row(frame, Mean("x"))["estimate"], row(frame, Variance("x"))["estimate"]
    return {"mean": mean, "sd": np.sqrt(variance)}


@case("benchmark_michelson")
def benchmark_michelson(data: dict[str, Any]) -> dict[str, Any]:
    return benchmark((np.array(data["speed"]) + data["offset"]) / data["divisor"])


@case("benchmark_numacc1")
def benchmark_numacc1(data: dict[str, Any]) -> dict[str, Any]:
    return benchmark(data["value"])


def alternating(data: dict[str, Any]) -> dict[str, Any]:
    return benchmark([data["first"], *(data["alternating"] * data["pairs"])])


for number in (2, 3, 4):
    case(f"benchmark_numacc{number}")(alternating)


@case("attitude_alpha")
def attitude_alpha(data: dict[str, Any]) -> dict[str, Any]:
    """Seven questions as one dimension; alpha stands in the diagnostics beside the gaps."""
    rows = np.array(data["rows"])
    asked = instrument("q", 0, 100, rows.shape[1])
    answers = pd.DataFrame(rows, columns=[f"P_{item.id}" for item in asked.items])
    table = score_gaps(Responses(answers, asked), expected=50).diagnostics.to_frame()
    return {"alpha": table.loc[0, "alpha_perception"]}


# --- the comparison ----------------------------------------------------------------------------------------


def fields(name: str, part: str) -> dict[str, Any]:
    """An entry's expected or computed fields that are compared."""
    return {key: value for key, value in ENTRIES[name].get(part, {}).items() if f"{name}.{key}" not in UNUSED}


@pytest.fixture(scope="module", params=list(CASES))
def entry(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The name of an entry and what the package finds for its data."""
    return request.param, CASES[request.param](ENTRIES[request.param]["data"])


def test_the_printed_digits(entry):
    name, found = entry
    expected = fields(name, "expect")
    assert expected, "an entry without printed numbers is no authority"
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=0, abs=ENTRIES[name]["atol"][key]), f"{name}: {key}"


def test_fourteen_digits_of_r(entry):
    name, found = entry
    for key, value in fields(name, "computed").items():
        assert found[key] == pytest.approx(value, rel=COMPUTED_REL, abs=0), f"{name}: {key}"


def test_every_number_of_the_file_is_compared_or_listed_as_unused(entry):
    name, found = entry
    asked = {**ENTRIES[name]["expect"], **ENTRIES[name].get("computed", {})}
    unused = {key for key in asked if f"{name}.{key}" in UNUSED}
    assert set(found) == set(asked) - unused
    assert set(ENTRIES[name]["expect"]) == set(ENTRIES[name]["atol"])


def test_no_entry_is_left_out_without_a_reason():
    unused = {name for name in UNUSED if "." not in name}
    assert set(CASES) | unused == set(ENTRIES)
    assert not set(CASES) & unused
    known = {f"{name}.{key}" for name, e in ENTRIES.items() for key in {**e["expect"], **e.get("computed", {})}}
    assert {name for name in UNUSED if "." in name} <= known, "a reason for a field that the file does not have"
