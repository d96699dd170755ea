"""Design-based inference against R: every block of tests/reference/design_based.toml, through the public functions.

Authority: R 4.2.2 with survey 4.1.1 (tests/reference/design_based.R made the numbers and takes a second route to each).
Tolerances are those of the file's ``[meta]``: a relative 1e-10, and 1e-7 for the interval that R fits iteratively.
Below the blocks stand identities and closed forms that hold for any data; each test names its own authority.

Where we differ from R by choice: a census of clusters counts the degrees of freedom of the units below it (R's
``degf()`` keeps clusters minus strata; the file has both), strata of different kind are combined after Satterthwaite,
and two files likewise. What is not offered is listed in ``UNUSED`` with the reason, and a test sees to it that every
number of the file is either compared or listed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from servqual import (
    Mean,
    Moments,
    Proportion,
    Ratio,
    Responses,
    SampleDesign,
    Student,
    Taylor,
    Total,
    Variance,
    estimate,
    score_gaps,
)
from servqual.inference import Sums, Term, adjust_p, hotelling, kish_deff, signed_rank, srs_variance
from servqual.instruments import Dimension, Form, Instrument, Item, Scale
from survey_design.errors import DataError
from survey_design.results import say

REFERENCE = Path(__file__).parent / "reference"
BLOCKS = tomllib.loads((REFERENCE / "design_based.toml").read_text(encoding="utf-8"))
META = BLOCKS.pop("meta")

NOT_OFFERED = "one rule for single-cluster strata is offered, R's 'adjust'; this is another rule"
DOMAIN_RULE = (
    "R's option survey.adjust.domain.lonely is not offered: a domain met in one of several clusters is not lonely"
)
R_DF = "df of an R function that we do not copy (ours is clusters - strata, counted in the domain)"
STACKED = "we combine two files after Satterthwaite (compared) instead of adding their degrees of freedom"
PLAIN_F = "the unadjusted forms of the Wald test are not offered"
ONE_P = "signed ranks come with one two-sided p, corrected for continuity and ties"
UNUSED = {
    **{f"lonely.{rule}": NOT_OFFERED for rule in ("average", "certainty", "remove")},
    **{f"domain.{rule}": NOT_OFFERED for rule in ("average", "certainty", "remove")},
    "lonely.pieces_mean_y.note": "words, not a number",
    "domain.adjust.visit_first_adjust_domain": DOMAIN_RULE,
    "domain_difference.all_remove": NOT_OFFERED,
    "domain_difference.strata_a_b.df_residual_svyglm": R_DF,
    "domain_difference.all_adjust.df_residual_svyglm": R_DF,
    "census.census_two_stage.mean_y": "the same SE with R's df; compared as units_by_cluster, whose df is ours",
    "census.census_two_stage.total_y": "the same SE with R's df; compared as units_by_cluster, whose df is ours",
    "census.census_two_stage_unlimited.mean_y": "as above; compared as units_by_cluster_unlimited",
    "census.census_two_stage_unlimited.total_y": "as above; compared as units_by_cluster_unlimited",
    "census.clusters_only.mean_y.df": "no error is left, so no degrees of freedom are needed",
    "census.clusters_only.total_y.df": "no error is left, so no degrees of freedom are needed",
    "census.mixed_as_units": "the same SE as mixed_two_stage (compared) with R's df of an equivalent design",
    **{f"census.mixed_two_stage.mean_y.{key}": "Satterthwaite's df lies between R's 6 and 21: see the test of its own"
       for key in ("df", "ci95_low", "ci95_high")},
    "two_files.strata_a_b.df_stacked": STACKED,
    "two_files.all_adjust.df_stacked": STACKED,
    "wald.all_remove": NOT_OFFERED,
    **{f"wald.{block}.{key}": PLAIN_F for block in ("strata_a_b", "all_adjust")
       for key in ("p_chisq", "f_unadjusted", "p_f_unadjusted")},
    **{f"proportion.{block}.beta": "the interval of a proportion is the logit one"
       for block in ("strata_a_b", "all_adjust", "women_adjust")},
    "unweighted.signed_rank.note": "words, not a number",
    **{f"unweighted.signed_rank.{key}": ONE_P
       for key in ("mean_v", "sd_v", "z", "p_uncorrected", "p_less_corrected", "p_greater_corrected")},
    "unweighted.signed_rank_stratum_a.p_uncorrected": ONE_P,
}  # fmt: skip

ZERO = {"en": "all are 0", "zh": "全为 0"}
CLUSTERS = SampleDesign(strata="stratum", clusters="cluster", weight="weight")
REGIONS = SampleDesign(strata="region", weight="weight")
Block = Callable[[], dict[str, Any]]
CASES: dict[str, Block] = {}


def case(name: str, *arguments: Any) -> Callable[[Any], Any]:
    """Registers the function that computes a block's fields; with arguments, a call of it."""

    def register(function: Any) -> Any:
        CASES[name] = lambda: function(*arguments)
        return function

    return register


@cache
def small() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "design_small.csv")
    here = {sex: (frame["sex"] == sex).astype(float) for sex in "fm"}
    return frame.assign(one=1.0, **here, **{f"y_{sex}": frame["y"] * here[sex] for sex in "fm"})


@cache
def two_strata() -> pd.DataFrame:
    return small()[small()["stratum"] != "C"].reset_index(drop=True)


DATA: Mapping[str, Callable[[], pd.DataFrame]] = {"strata_a_b": two_strata, "all_adjust": small}


def fields(line: pd.Series) -> dict[str, Any]:
    return {"estimate": line["estimate"], "se": line["se"], "df": line["df"], "ci95_low": line["low"],
            "ci95_high": line["high"]}  # fmt: skip


def row(frame: pd.DataFrame, statistic: Any, design: SampleDesign, **by: str) -> pd.Series:
    """One line of the table: of the domain named, or of everybody."""
    table = estimate(frame, statistic, design, by=list(by)).to_frame()
    for name, value in by.items():
        table = table[table[name] == value]
    return table.iloc[0]


class Own:
    """A statistic of one's own: any analytic function of sums."""

    def __init__(self, columns: tuple[str, ...], function: Callable[[Sums], Any]) -> None:
        self.columns, self.names, self.function = columns, ("own",), function

    def __call__(self, sums: Sums) -> Any:
        return self.function(sums)[..., None]


# --- lonely strata and domains -----------------------------------------------------------------------------

STATISTICS = {"mean_y": Mean("y"), "mean_yes": Mean("yes"), "total_y": Total("y"), "total_weight": Total("one"),
              "ratio_y_x": Ratio("y", "x")}  # fmt: skip


def lonely(statistic: str) -> dict[str, Any]:
    return fields(row(small(), STATISTICS[statistic], CLUSTERS))


for key in STATISTICS:
    case(f"lonely.adjust.{key}", key)(lonely)


@case("lonely.pieces_mean_y")
def pieces() -> dict[str, Any]:
    """The strata's shares of the variance: A's and B's from designs in which the others were visited completely."""
    drawn = small().groupby("stratum")["cluster"].transform("nunique")
    found = {}
    for stratum in "AB":
        size = np.where(small()["stratum"] == stratum, np.inf, drawn)
        design = SampleDesign("stratum", "cluster", "weight", "size", whole_clusters=True)
        found[f"variance_{stratum.lower()}"] = row(small().assign(size=size), Mean("y"), design)["se"] ** 2
    whole = row(small(), Mean("y"), CLUSTERS)["se"] ** 2
    return found | {"squared_total_c": whole - sum(found.values())}


def domain(column: str, value: str) -> dict[str, Any]:
    return fields(row(small(), Mean("y"), CLUSTERS, **{column: value}))


case("domain.adjust.sex_f", "sex", "f")(domain)
case("domain.adjust.sex_m", "sex", "m")(domain)
case("domain.adjust.visit_first", "visit", "first")(domain)


def domain_difference(data: str) -> dict[str, Any]:
    """Two domain means live in the same clusters; their covariance must be counted."""
    frame = DATA[data]()
    both = estimate(frame, Mean("y"), CLUSTERS, by="sex").to_frame().set_index("sex")
    columns = ("y_f", "f", "y_m", "m")
    difference = Own(columns, lambda s: s.total("y_f") / s.total("f") - s.total("y_m") / s.total("m"))
    line = row(frame, difference, CLUSTERS)
    moments = Moments.from_frame(frame, list(columns), CLUSTERS)
    total, at = moments.total()[0], {name: moments.score_index(name) for name in columns}
    coefficients = np.zeros((2, len(total)))
    for k, sex in enumerate("fm"):
        coefficients[k, at[f"y_{sex}"]] = 1 / total[at[sex]]
        coefficients[k, at[sex]] = -total[at[f"y_{sex}"]] / total[at[sex]] ** 2
    spread = Taylor().spread(moments, [Term((), coefficients, np.full((2, 1), moments.mask_index("f")))])
    se = both["se"]
    return {
        "mean_f": both.loc["f", "estimate"],
        "mean_m": both.loc["m", "estimate"],
        "se_f": se["f"],
        "se_m": se["m"],
        "covariance": spread.covariance[0, 1],
        "difference": line["estimate"],
        "se_difference": line["se"],
        "se_if_independent": np.hypot(se["f"], se["m"]),
        "df_whole_design": line["df"],
    }


for key in DATA:
    case(f"domain_difference.{key}", key)(domain_difference)


# --- finite populations ------------------------------------------------------------------------------------

STAGES = {
    "no_correction": CLUSTERS,
    "clusters_only": SampleDesign("stratum", "cluster", "weight", "clusters_in_stratum", whole_clusters=True),
    "two_stage": SampleDesign("stratum", "cluster", "weight", ("clusters_in_stratum", "units_in_cluster")),
    "two_stage_own_weights": SampleDesign("stratum", "cluster", "own", ("clusters_in_stratum", "units_in_cluster")),
}


def two_stage(design: str, statistic: str) -> dict[str, Any]:
    """ "Own weights" are those that follow from the population sizes: N/n of clusters times M/m of units."""
    frame = two_strata()
    drawn = frame.groupby("stratum")["cluster"].transform("nunique")
    answered = frame.groupby("cluster")["id"].transform("size")
    own = frame["clusters_in_stratum"] / drawn * frame["units_in_cluster"] / answered
    return fields(row(frame.assign(own=own), STATISTICS[statistic], STAGES[design]))


for key in STAGES:
    for statistic in ("mean_y", "total_y", "ratio_y_x"):
        case(f"two_stage.{key}.{statistic}", key, statistic)(two_stage)

CENSUS = {
    "units_by_cluster": SampleDesign("stratum", "cluster", "weight", ("four", "units_in_cluster")),
    "units_by_cluster_unlimited": SampleDesign("stratum", "cluster", "weight", "four"),
    "clusters_only": SampleDesign("stratum", "cluster", "weight", "four", whole_clusters=True),
}


def stratum_a() -> pd.DataFrame:
    return small()[small()["stratum"] == "A"].assign(four=4)


def census(design: str, statistic: str) -> dict[str, Any]:
    """Four of four clusters visited: described as two stages, R's SE and the df of units stratified by cluster."""
    found = fields(row(stratum_a(), STATISTICS[statistic], CENSUS[design]))
    if design == "clusters_only":
        del found["df"]
    return found


for key in CENSUS:
    for statistic in ("mean_y", "total_y"):
        case(f"census.{key}.{statistic}", key, statistic)(census)


def mixed_line() -> pd.Series:
    """Stratum A visited completely, 4 of 12 clusters of stratum B."""
    taken = np.where(two_strata()["stratum"] == "A", 4, two_strata()["clusters_in_stratum"])
    design = SampleDesign("stratum", "cluster", "weight", ("taken", "units_in_cluster"))
    return row(two_strata().assign(taken=taken), Mean("y"), design)


@case("census.mixed_two_stage.mean_y")
def mixed() -> dict[str, Any]:
    line = mixed_line()
    return {"estimate": line["estimate"], "se": line["se"]}


# --- two files, several means, second moments --------------------------------------------------------------


def instrument(*dimensions: str, low: int = 1, high: int = 7) -> Instrument:
    """One item per dimension, asked as expectation ``E_`` and perception ``P_``."""
    text = {"en": "text"}
    forms = (Form("expectation", "E_{id}"), Form("perception", "P_{id}"))
    named = tuple(Dimension(name, {"en": name}) for name in dimensions)
    items = tuple(Item(name, name, {"en": name}, text) for name in dimensions)
    return Instrument("reference", "1", text, "", Scale(low, high), forms, named, items)


def two_files(data: str) -> dict[str, Any]:
    frame, other = DATA[data](), pd.read_csv(REFERENCE / "design_expectation.csv")
    perceptions = Responses(frame.rename(columns={"y": "P_q"}), instrument("q"), CLUSTERS)
    expectations = Responses(other.rename(columns={"score": "E_q"}), instrument("q"), REGIONS)
    line = score_gaps(perceptions.joined_with(expectations)).to_frame().iloc[0]
    p, e = row(frame, Mean("y"), CLUSTERS), row(other, Mean("score"), REGIONS)
    assert [line["perception"], line["expectation"]] == pytest.approx([p["estimate"], e["estimate"]], rel=1e-14)
    return {
        "mean_perception": p["estimate"],
        "se_perception": p["se"],
        "df_perception": p["df"],
        "mean_expectation": e["estimate"],
        "se_expectation": e["se"],
        "df_expectation": e["df"],
        "gap": line["gap"],
        "se_gap": line["se"],
        "df_satterthwaite": line["df"],
        "ci95_low_satterthwaite": line["low"],
        "ci95_high_satterthwaite": line["high"],
        "p_satterthwaite": line["p"],
    }


for key in DATA:
    case(f"two_files.{key}", key)(two_files)


def wald(data: str) -> dict[str, Any]:
    """The three gaps as dimensions whose expectation is 4; the covariance by polarisation of public standard errors."""
    frame = DATA[data]()
    names = ["gap1", "gap2", "gap3"]
    answers = {f"{form}_{name}": 4 + (frame[name] if form == "P" else 0) for form in "PE" for name in names}
    joint = score_gaps(Responses(frame.assign(**answers), instrument(*names), CLUSTERS)).joint[0]
    se = estimate(frame, Mean(*names), CLUSTERS).to_frame()
    pairs = {(a, b): row(frame.assign(sum=frame[a] + frame[b]), Mean("sum"), CLUSTERS)["se"] ** 2
             for a in names for b in names}  # fmt: skip
    alone = {name: value**2 for name, value in zip(names, se["se"], strict=True)}
    return {
        "means": se["estimate"].tolist(),
        "covariance": [[(pairs[a, b] - alone[a] - alone[b]) / 2 for b in names] for a in names],
        "q": joint.df1,
        "df": se["df"][0],
        "wald": joint.t2,
        "f": joint.f,
        "df1": joint.df1,
        "df2": joint.df2,
        "p_f": joint.p,
    }


for key in DATA:
    case(f"wald.{key}", key)(wald)


def variance(data: str) -> dict[str, Any]:
    frame = DATA[data]()
    pairs = [[("y", "y"), ("y", "x")], [("x", "y"), ("x", "x")]]
    lines = [
        [row(frame, Own(("y", "x"), lambda s, a=a, b=b: s.covariance(a, b)), CLUSTERS) for a, b in pair]
        for pair in pairs
    ]
    alone = row(frame, Variance("y"), CLUSTERS)
    r = Own(("y", "x"), lambda s: s.covariance("y", "x") / np.sqrt(s.covariance("y", "y") * s.covariance("x", "x")))
    return {
        "n": alone["n"],
        "variance_y": alone["estimate"],
        "se_variance_y": alone["se"],
        "sd_y": np.sqrt(alone["estimate"]),
        "covariance_matrix_y_x": [[line["estimate"] for line in pair] for pair in lines],
        "se_of_matrix": [[line["se"] for line in pair] for pair in lines],
        "correlation_y_x": row(frame, r, CLUSTERS)["estimate"],
    }


for key in DATA:
    case(f"variance.{key}", key)(variance)


def deff(data: str, design: SampleDesign) -> dict[str, Any]:
    """ "Replace" stands in the table; against sampling without replacement it takes one more function."""
    frame = DATA[data]()
    found: dict[str, Any] = {"n": len(frame), "sum_weights": row(frame, Total("one"), design)["estimate"]}
    for name in ("mean_y", "total_y", "mean_yes"):
        line = row(frame, STATISTICS[name], design)
        column = name.split("_")[1]
        moments = Moments.from_frame(frame, [column], design)
        total = moments.total()[0]
        slope = np.array([[0, 0, 1.0]]) if "total" in name else np.array([[0, -total[2] / total[1], 1]]) / total[1]
        srs = srs_variance(moments, [Term((), slope, np.array([[1]]))], replacement=False)[0]
        found |= {name: line["se"] ** 2 / srs, f"{name}_replace": line["deff"]}
    moments = Moments.from_frame(frame, ["y"], design)
    return found | {"kish_weights": kish_deff(moments), "kish_n_effective": len(frame) / kish_deff(moments)}


case("deff.strata_a_b", "strata_a_b", CLUSTERS)(deff)
case("deff.all_adjust", "all_adjust", CLUSTERS)(deff)
case("deff.strata_a_b_two_stage", "strata_a_b", STAGES["two_stage"])(deff)


def proportion(data: str, **by: str) -> dict[str, Any]:
    frame = DATA[data]()
    line, plain = row(frame, Proportion("yes"), CLUSTERS, **by), row(frame, Mean("yes"), CLUSTERS, **by)
    bounds = [line["low"], line["high"]]
    found = {name: line[name] for name in ("estimate", "se", "df")}
    return found | {"logit": bounds, "xlogit": bounds, "mean": [plain["low"], plain["high"]]}


for key in DATA:
    case(f"proportion.{key}", key)(proportion)
CASES["proportion.women_adjust"] = lambda: proportion("all_adjust", sex="f")


# --- unweighted tests --------------------------------------------------------------------------------------


def gaps_of(p: Any, e: Any, *, paired: bool = True) -> dict[str, Any]:
    """``p - e`` as the gap of one item: its line of the table with its effect sizes."""
    answers = [pd.DataFrame({"P_q": np.asarray(p)}), pd.DataFrame({"E_q": np.asarray(e)})]
    if paired:
        responses = Responses(pd.concat(answers, axis=1), instrument("q"))
    else:
        responses = Responses(answers[0], instrument("q")).joined_with(Responses(answers[1], instrument("q")))
    gaps = score_gaps(responses)
    return {**gaps.effects.to_frame().iloc[0], **gaps.to_frame("items").iloc[0]}


@case("unweighted.paired_t")
def paired_t() -> dict[str, Any]:
    found = gaps_of(small()["y"], small()["x"])
    named = {"mean_difference": "gap", "sd_difference": "sd_gap", "ci95_low": "low", "ci95_high": "high",
             "sd_y": "sd_perception", "sd_x": "sd_expectation", "correlation": "r"}  # fmt: skip
    same = {name: found[name] for name in ("n", "se", "df", "p", "dz", "dav")}
    return same | {theirs: found[ours] for theirs, ours in named.items()} | {"t": found["gap"] / found["se"]}


def signed_ranks(frame: pd.DataFrame) -> dict[str, Any]:
    difference = (frame["y"] - frame["x"]).to_numpy()
    v, p, n = signed_rank(difference)
    found = gaps_of(frame["y"], frame["x"])
    assert (found["wilcoxon_v"], found["wilcoxon_p"]) == (v, p)
    return {"n_nonzero": n, "n_zero": len(difference) - n, "v_positive": v, "p_corrected": p}


@case("unweighted.signed_rank")
def signed_rank_of_all() -> dict[str, Any]:
    return signed_ranks(small()) | {"v_negative": signed_rank((small()["x"] - small()["y"]).to_numpy())[0]}


@case("unweighted.signed_rank_stratum_a")
def signed_rank_of_a() -> dict[str, Any]:
    return signed_ranks(stratum_a())


@case("unweighted.welch")
def welch() -> dict[str, Any]:
    """Women's answers as perceptions, men's as the expectations of other people."""
    f, m = (small().loc[small()["sex"] == sex, "y"] for sex in "fm")
    found = gaps_of(f, m, paired=False)
    named = {"n_f": "n", "n_m": "n_expectation", "mean_f": "perception", "mean_m": "expectation",
             "sd_f": "sd_perception", "sd_m": "sd_expectation", "difference": "gap", "ci95_low": "low",
             "ci95_high": "high"}  # fmt: skip
    same = {name: found[name] for name in ("se", "df", "p")}
    return same | {theirs: found[ours] for theirs, ours in named.items()} | {"t": found["gap"] / found["se"]}


@case("unweighted.hotelling")
def hotelling_of_three() -> dict[str, Any]:
    moments, n = Moments.from_frame(small(), ["gap1", "gap2", "gap3"]), len(small())
    joint = hotelling(moments.means(), moments.covariance() / n, n - 1, n, ZERO)
    tests = {"t2": joint.t2, "f": joint.f, "df1": joint.df1, "df2": joint.df2, "p": joint.p}
    return tests | {"means": moments.means().tolist(), "covariance": moments.covariance().tolist()}


@case("unweighted.p_adjust")
def p_adjust() -> dict[str, Any]:
    p = np.array(BLOCKS["unweighted"]["p_adjust"]["p"])
    named = {"p": "none", "holm": "holm", "bonferroni": "bonferroni", "bh": "fdr_bh", "by": "fdr_by"}
    return {theirs: adjust_p(p, ours).tolist() for theirs, ours in named.items()}  # type: ignore[arg-type]


# --- the comparison ----------------------------------------------------------------------------------------


def leaves(table: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """The file's numbers by their full name."""
    found = {}
    for key, value in table.items():
        path = f"{name}.{key}".lstrip(".")
        found |= leaves(value, path) if isinstance(value, dict) else {path: value}
    return found


def block(name: str) -> dict[str, Any]:
    found: Any = BLOCKS
    for key in name.split("."):
        found = found[key]
    return found


def is_unused(path: str) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in UNUSED)


@pytest.mark.parametrize("name", CASES)
def test_against_r(name):
    found, expected = CASES[name](), block(name)
    for key, value in expected.items():
        if is_unused(f"{name}.{key}"):
            assert key not in found
            continue
        rel = META["tolerance_relative_logit" if key == "logit" else "tolerance_relative"]
        ours, theirs = np.array(found[key], dtype=float), np.array(value, dtype=float)
        assert ours == pytest.approx(theirs, rel=rel, abs=0), f"{name}.{key}"
    assert set(found) <= set(expected)


def test_every_number_of_the_file_is_compared_or_listed_as_unused():
    compared = {path for path in leaves(BLOCKS) for name in CASES if path.startswith(f"{name}.")}
    unused = {path for path in leaves(BLOCKS) if is_unused(path)}
    assert compared | unused == set(leaves(BLOCKS))
    for name in UNUSED:
        assert any(path == name or path.startswith(f"{name}.") for path in leaves(BLOCKS)), f"{name} is not in the file"


def test_the_reference_is_the_one_we_quote():
    assert (META["r"], META["survey"], META["tolerance_relative"]) == ("4.2.2", "4.1.1", 1e-10)


# --- what holds for any data -------------------------------------------------------------------------------

FEW = settings(max_examples=8, deadline=None, derandomize=True)


def drawn_frame(seed: int, n: int = 60, clusters: int = 8, strata: int = 2) -> pd.DataFrame:
    """A sample of whole numbers with gaps, in clusters within strata, with unequal weights."""
    rng = np.random.default_rng(seed)
    cluster = np.r_[np.arange(clusters), rng.integers(clusters, size=n - clusters)]
    x = rng.integers(1, 8, n) + rng.integers(0, 2, clusters)[cluster]
    return pd.DataFrame({"stratum": cluster % strata, "cluster": cluster, "weight": rng.uniform(0.5, 3, n).round(2),
                         "x": x.astype(float), "y": rng.integers(1, 8, n).astype(float),
                         "group": rng.choice(list("ab"), n), "region": rng.choice(list("rst"), n)})  # fmt: skip


def test_requirement_36_five_interviews_in_a_store():
    """Requirements, section 3 rule 36: t(.975, 4) / sqrt(5) = 1.2417, by hand; the quantile also from scipy."""
    values = pd.DataFrame({"store": "one", "x": [3, 5, 5, 6, 7]})
    for design in (SampleDesign(), SampleDesign(clusters="store")):
        line = row(values, Mean("x"), design)
        half = (line["high"] - line["low"]) / 2 / values["x"].std()
        assert half == pytest.approx(stats.t.ppf(0.975, 4) / np.sqrt(5), rel=1e-12)
        assert round(half, 4) == 1.2417


def test_requirement_37_five_per_store_with_intraclass_correlation_a_tenth():
    """Requirements, section 3 rule 37: 1 + (5 - 1) 0.1 = 1.4.

    Eight stores with 1, 1, 1, 4, 4, 4, 2 and 3 of five satisfied: the correlation over all pairs within stores is .1,
    and the estimated deff is ``c/(c-1) (n-1)/n (1 + (m-1) rho)`` exactly.
    """
    ones = np.array([1, 1, 1, 4, 4, 4, 2, 3])
    frame = pd.DataFrame({"store": np.repeat(np.arange(8), 5), "yes": [int(k < n) for n in ones for k in range(5)]})
    away = (frame["yes"] - 0.5).to_numpy().reshape(8, 5)
    pairs = [away[c, i] * away[c, j] for c in range(8) for i in range(5) for j in range(5) if i != j]
    assert np.mean(pairs) / 0.25 == pytest.approx(0.1, rel=1e-12)
    deff = row(frame, Mean("yes"), SampleDesign(clusters="store"))["deff"]
    assert deff * 7 / 8 * 40 / 39 == pytest.approx(1.4, rel=1e-12)


def test_kish_loss_by_weights_alone():
    """Kish (1965), section 11.7: n sum w^2 / (sum w)^2; five weights 3 and two weights 10 give 7 * 245 / 35^2 = 1.4."""
    frame = pd.DataFrame({"x": [1, 2, 3, 4, 5, 6, 7], "weight": [3, 3, 3, 3, 3, 10, 10], "g": list("aaaaabb")})
    moments = Moments.from_frame(frame, ["x"], SampleDesign(weight="weight"), by=["g"])
    assert kish_deff(moments) == pytest.approx(1.4, rel=1e-15)
    assert kish_deff(moments, ("a",)) == kish_deff(moments, ("b",)) == 1
    assert np.isnan(kish_deff(moments, ("nobody",)))


def test_a_census_beside_a_sampled_stratum_after_satterthwaite():
    """The two parts of the variance, written out over cluster and unit totals; df by Satterthwaite (1946)."""
    frame, line = two_strata(), mixed_line()
    w = frame["weight"]
    u = w * (frame["y"] - (w * frame["y"]).sum() / w.sum()) / w.sum()
    a = frame["stratum"] == "A"
    parts = {}
    for (stratum, _), rows in frame.groupby(["stratum", "cluster"]).groups.items():
        m, size, f1 = len(rows), frame.loc[rows[0], "units_in_cluster"], 1 if stratum == "A" else 4 / 12
        within = f1 * (1 - m / size) * m / (m - 1) * ((u[rows] - u[rows].mean()) ** 2).sum()
        parts[stratum] = parts.get(stratum, 0) + within
    totals = u[~a].groupby(frame.loc[~a, "cluster"]).sum()
    parts["B"] += (1 - 4 / 12) * 4 / 3 * ((totals - totals.mean()) ** 2).sum()
    assert line["se"] ** 2 == pytest.approx(parts["A"] + parts["B"], rel=1e-12)
    df = (parts["A"] + parts["B"]) ** 2 / (parts["A"] ** 2 / (a.sum() - 4) + parts["B"] ** 2 / 3)
    assert line["df"] == pytest.approx(df, rel=1e-12)
    half = stats.t.ppf(0.975, df) * line["se"]
    assert [line["low"], line["high"]] == pytest.approx([line["estimate"] - half, line["estimate"] + half], rel=1e-12)


def test_a_census_with_two_drawn_stages_counts_the_units_drawn_below():
    """All 3 districts, 2 of 10 schools in each, 50 pupils in each school: the error rests on 6 - 3 school differences.

    Cochran (1977), section 11.8: with n = N the first term vanishes and the second has sum(m_i - 1) degrees of freedom.
    """
    rng = np.random.default_rng(5)
    lines = [(d, f"{d}{s}", 3, 10, x + s) for d in range(3) for s in range(2) for x in rng.normal(size=50)]
    frame = pd.DataFrame(lines, columns=["district", "school", "districts", "schools", "x"])
    design = SampleDesign(clusters=("district", "school"), population=("districts", "schools"))
    assert row(frame, Mean("x"), design)["df"] == 3


def test_one_cluster_in_which_more_clusters_were_drawn():
    """One district, four schools drawn in it, pupils in these: the schools are the units, as if drawn directly."""
    rng = np.random.default_rng(6)
    lines = [("d", s, x + s) for s in range(4) for x in rng.normal(size=20)]
    frame = pd.DataFrame(lines, columns=["district", "school", "x"])
    nested = row(frame, Mean("x"), SampleDesign(clusters=("district", "school")))
    direct = row(frame, Mean("x"), SampleDesign(clusters="school"))
    assert [nested["se"], nested["df"]] == pytest.approx([direct["se"], direct["df"]], rel=1e-12)


@FEW
@given(st.integers(0, 2**32 - 1))
def test_the_jackknife_of_a_total_is_its_linearisation(seed):
    """Wolter (2007), Introduction to Variance Estimation, section 4.5: for a linear statistic the two are one."""
    frame = drawn_frame(seed)
    frame["wx"] = frame["weight"] * frame["x"]
    variance = 0.0
    for _, stratum in frame.groupby("stratum"):
        clusters = stratum["cluster"].unique()
        n = len(clusters)
        for cluster in clusters:
            kept = stratum.loc[stratum["cluster"] != cluster, "wx"].sum() * n / (n - 1)
            variance += (n - 1) / n * (kept - stratum["wx"].sum()) ** 2
    line = row(frame, Total("x"), SampleDesign("stratum", "cluster", "weight"))
    assert line["se"] == pytest.approx(np.sqrt(variance), rel=1e-10)


@FEW
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_only_proportions_of_weights_matter_for_means(seed, factor):
    """A mean, its error, df and design effects are homogeneous of degree 0 in the weights, a total of degree 1."""
    frame = drawn_frame(seed)
    scaled = frame.assign(weight=frame["weight"] * factor)
    design = SampleDesign("stratum", "cluster", "weight")
    names = ["estimate", "se", "df", "deff"]
    for statistic, power in ((Mean("x"), 0), (Ratio("x", "y"), 0), (Variance("x"), 0), (Total("x"), 1)):
        before, after = row(frame, statistic, design), row(scaled, statistic, design)
        expected = [before[name] * (factor**power if name in ("estimate", "se") else 1) for name in names]
        assert [after[name] for name in names] == pytest.approx(expected, rel=1e-9)


@FEW
@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(seed, random):
    frame = drawn_frame(seed)
    order = list(range(len(frame)))
    random.shuffle(order)
    design = SampleDesign("stratum", "cluster", "weight")
    for statistic in (Mean("x", "y"), Ratio("x", "y"), Variance("x")):
        before, after = (estimate(f, statistic, design, by="group").to_frame() for f in (frame, frame.iloc[order]))
        pd.testing.assert_frame_equal(before, after, rtol=1e-9, atol=1e-12)


@FEW
@given(st.integers(0, 2**32 - 1))
def test_those_who_did_not_answer_are_a_domain_not_a_smaller_design(seed):
    """Lumley (2010), section 2.1: an estimate with missing values is that of the domain who answered."""
    frame = drawn_frame(seed)
    gone = np.random.default_rng(seed).random(len(frame)) < 0.3
    design = SampleDesign("stratum", "cluster", "weight")
    missing = row(frame.assign(x=frame["x"].mask(gone)), Mean("x"), design)
    domain = row(frame.assign(here=np.where(gone, "no", "yes")), Mean("x"), design, here="yes")
    names = ["estimate", "se", "df", "n", "deff"]
    assert missing[names].tolist() == pytest.approx(domain[names].tolist(), rel=1e-9)


@FEW
@given(st.integers(0, 2**32 - 1))
def test_equal_weights_and_no_clusters_are_the_textbook_mean(seed):
    """Student (1908), by scipy.stats.ttest_1samp; Taylor without a design is the same."""
    frame = drawn_frame(seed, n=20).assign(weight=2.5)
    test = stats.ttest_1samp(frame["x"], 0)
    interval = test.confidence_interval(0.95)
    expected = [frame["x"].mean(), stats.sem(frame["x"]), interval.low, interval.high, 19, 1]
    for design, how in ((SampleDesign(), None), (SampleDesign(weight="weight"), None), (SampleDesign(), Taylor()),
                        (SampleDesign("stratum", "cluster", "weight"), Student())):  # fmt: skip
        line = estimate(frame, Mean("x"), design, interval=how).to_frame().iloc[0]
        found = line[["estimate", "se", "low", "high", "df", "deff"]].tolist()
        assert found == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("clusters", [None, "store"], ids=["no design", "one cluster"])
def test_students_total_is_n_times_the_mean(clusters):
    """Cochran (1977), section 2.5: s(N ybar) = N s / sqrt(n); here every respondent stands for himself, N = n."""
    frame = pd.DataFrame({"x": [10.0, 11.0, 12.0], "store": "one"})
    line = row(frame, Total("x"), SampleDesign(clusters=clusters))
    assert line["estimate"] == 33
    assert line["se"] == pytest.approx(np.sqrt(3), rel=1e-12)


@FEW
@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), min_size=1, max_size=30))
def test_adjusted_p_values_are_those_of_statsmodels(p):
    """statsmodels.stats.multitest, an independent implementation; missing values are set aside and stay missing."""
    from statsmodels.stats.multitest import multipletests

    values = np.array(p)
    tested = ~np.isnan(values)
    for method in ("holm", "bonferroni", "fdr_bh", "fdr_by", "none"):
        ours = adjust_p(values, method)
        assert np.isnan(ours[~tested]).all()
        if tested.any() and method != "none":
            theirs = multipletests(values[tested], method=method)[1]
            assert ours[tested] == pytest.approx(theirs, rel=1e-12, abs=1e-300)
        if method == "none":
            np.testing.assert_array_equal(ours, values)


@FEW
@given(st.lists(st.integers(-6, 6), min_size=2, max_size=60).filter(any))
def test_signed_ranks_are_those_of_scipy(differences):
    """scipy.stats.wilcoxon(correction=True, method="asymptotic"), zeros dropped; counts say the same as repetitions."""
    ours = signed_rank(np.array(differences))
    theirs = stats.wilcoxon(differences, correction=True, method="asymptotic")
    total = ours[2] * (ours[2] + 1) / 2
    assert min(ours[0], total - ours[0]) == theirs.statistic
    assert ours[1] == pytest.approx(theirs.pvalue, rel=1e-10)
    assert signed_rank(*np.unique(differences, return_counts=True)) == pytest.approx(ours, rel=1e-12)


@pytest.mark.parametrize(("k", "df"), [(3, 3), (3, 2), (5, 4.5)])
def test_hotelling_is_refused_without_more_degrees_of_freedom_than_values(k, df):
    """Johnson and Wichern, section 5.2: F has df - k + 1 degrees of freedom below; at df = k that is a single one."""
    joint = hotelling(np.ones(k), np.eye(k), df, 10, ZERO)
    assert np.isnan([joint.t2, joint.f, joint.p]).all()
    assert joint.reason
    for language in ("en", "zh"):
        assert say(joint.reason, language) in joint.sentence(language)


def test_hotelling_is_refused_where_the_values_hang_together():
    joint = hotelling(np.ones(2), np.ones((2, 2)), 20, 21, ZERO)
    assert np.isnan(joint.t2)
    assert joint.reason


@FEW
@given(st.integers(0, 2**32 - 1))
def test_hotelling_of_one_value_is_the_squared_t(seed):
    """With k = 1, T^2 = t^2 and F(1, n - 1) has the t test's p (scipy.stats.ttest_1samp)."""
    x = drawn_frame(seed, n=12)["x"] - 4
    test = stats.ttest_1samp(x, 0)
    joint = hotelling(np.array([x.mean()]), np.array([[x.var() / 12]]), 11, 12, ZERO)
    assert [joint.t2, joint.f, joint.p] == pytest.approx([test.statistic**2, test.statistic**2, test.pvalue], rel=1e-9)


def test_what_cannot_be_given_has_a_reason():
    """Style, principle 10: "it does not apply, because ..." is an answer."""
    frame = pd.DataFrame({"g": list("aab"), "x": [1.0, 2.0, 3.0], "y": [1.0, np.nan, np.nan]})
    table = estimate(frame, Mean("y"), by="g").to_frame().set_index("g")
    assert table["reason"].to_dict() == {"a": "one answer", "b": "nobody"}
    assert table["n"].to_dict() == {"a": 1, "b": 0}
    assert table[["se", "low", "high"]].isna().all(axis=None)
    single = SampleDesign(strata="s", clusters="c")
    lone = row(frame.assign(s=[1, 2, 3], c=[1, 2, 3]), Mean("x"), single)
    assert (lone["df"], lone["reason"]) == (0, "no df")
    assert np.isnan([lone["se"], lone["low"], lone["high"]]).all()


@pytest.mark.parametrize("answer", [0, 1])
def test_a_proportion_of_none_or_all_has_no_interval_and_says_so(answer):
    """At 0 and 1 there is no logit; principle 10 asks for the reason, never a silent NaN."""
    line = row(pd.DataFrame({"yes": [answer] * 6}), Proportion("yes"), SampleDesign())
    assert np.isnan([line["low"], line["high"]]).all()
    assert line["reason"]


def test_no_design_effect_without_an_error():
    """A design effect is a ratio of variances: of one answer there is none, and it is never negative."""
    frame = pd.DataFrame({"g": list("aab"), "x": [1.0, 2.0, 3.0]})
    table = estimate(frame, Mean("x"), by="g").to_frame().set_index("g")
    assert np.isnan(table.loc["b", "deff"])


@pytest.mark.parametrize(
    ("column", "values"),
    [("weight", [1, np.nan, 2]), ("weight", [1, -1, 2]), ("cluster", ["a", None, "b"]), ("stratum", ["a", "a", None])],
    ids=["no weight", "negative weight", "no cluster", "no stratum"],
)
def test_a_design_with_holes_is_refused(column, values):
    """A row without a weight, or from nowhere, would turn estimates into NaN or into a cluster called "nan"."""
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], column: values})
    name = {"weight": "weight", "cluster": "clusters", "stratum": "strata"}[column]
    with pytest.raises(DataError, match=column):
        estimate(frame, Mean("x"), SampleDesign(**{name: column}))


def test_a_sample_cannot_be_larger_than_its_population():
    with pytest.raises(DataError, match="3 were sampled from a population of 2"):
        row(pd.DataFrame({"x": [1.0, 2.0, 3.0], "size": 2}), Mean("x"), SampleDesign(population="size"))


def test_results_are_copies_and_data_stay_as_they_were():
    frame = drawn_frame(1)
    before = frame.copy(deep=True)
    table = estimate(frame, Variance("x"), SampleDesign("stratum", "cluster", "weight"), by=["group", "region"])
    pd.testing.assert_frame_equal(frame, before)
    mine = table.to_frame()
    mine["estimate"] = 0.0
    assert (table.to_frame()["estimate"] > 0).all()
