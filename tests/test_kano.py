"""Kano's kinds of quality: the table, Fong's test, better and worse.

Authorities, and the tolerance each is held to:

* Five features published with the R package ``stp25kano`` (README, 296 answers each): category, the rule M > O > A > I, category
  and total strength, CS+ and CS−, Fong's difference and critical value, to the digits printed.
* tests/reference/drivers.toml (R 4.2.2, survey 4.1: ``svymean``): the lead of one category over another under a design, 1e-9.
* statsmodels' Wilson interval: 1e-12.

The pairs of 194 kiosk users kept beside the project are counted a second time by another road.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from servqual import SampleDesign
from servqual.drivers import fong_critical, kano, kano_categories
from servqual.drivers.kano_table import KANO_TABLE
from servqual.plots.drivers import label_places
from survey_design import DataError, SpecError

REFERENCE = Path(__file__).parent / "reference"
R = tomllib.loads((REFERENCE / "drivers.toml").read_text(encoding="utf-8"))
PAIR = {"M": (3, 5), "O": (1, 5), "A": (1, 3), "I": (3, 3), "R": (5, 1), "Q": (1, 1)}
PUBLISHED = {  # counts M O A I R Q; most frequent, by the rule; total and category strength in percent; CS+, CS−; Fong
    "Service app": ((95, 123, 45, 33, 0, 0), "O", "O", 89, 9, 0.568, -0.736, 28, 19.4, True),
    "Excellent service": ((101, 54, 54, 81, 3, 3), "M", "M", 71, 7, 0.372, -0.534, 20, 18.5, True),
    "Hotline": ((15, 24, 121, 124, 6, 6), "I", "A", 54, 1, 0.511, -0.137, 3, 19.8, False),
    "Loan machine": ((65, 87, 93, 51, 0, 0), "A", "O", 83, 2, 0.608, -0.514, 6, 18.5, False),
    "Ready-to-use return": ((9, 18, 83, 177, 6, 3), "I", "I", 37, 32, 0.352, -0.094, 94, 19.9, True),
}  # fmt: skip


def answered(counts: tuple[int, ...]) -> pd.DataFrame:
    """Pairs of answers with these counts of M, O, A, I, R, Q."""
    rows = [PAIR[kind] for kind, count in zip("MOAIRQ", counts, strict=True) for _ in range(count)]
    return pd.DataFrame(rows, columns=["f", "d"])


@pytest.mark.parametrize("feature", PUBLISHED)
def test_published_features(feature):
    counts, category, rule, total, strength, plus, minus, apart, critical, clear = PUBLISHED[feature]
    row = kano(answered(counts), {feature: ("f", "d")}).row(feature)
    assert tuple(row[list("MOAIRQ")]) == counts
    assert (row["category"], row["category_rule"], row["clear"]) == (category, rule, clear)
    assert (round(100 * row["strength"]), round(100 * row["fong"] / row["n"])) == (total, strength)
    assert (round(row["better"], 3), round(row["worse"], 3)) == (plus, minus)
    assert (row["fong"], round(row["critical"], 1)) == (pytest.approx(apart), critical)
    assert row["n"] == 296


def test_all_25_pairs():
    first, second = np.repeat(np.arange(1, 6), 5), np.tile(np.arange(1, 6), 5)
    assert "".join(kano_categories(first, second)) == "".join(KANO_TABLE)
    swapped = kano_categories(second, first)  # what pleases when there annoys when it is not wanted
    turn = {"Q": "Q", "A": "R", "O": "R", "M": "R", "I": "I", "R": "R"}
    for ours, theirs in zip(kano_categories(first, second), swapped, strict=True):
        assert theirs in "AOM" if ours == "R" else theirs == turn[ours]


def test_intervals_are_wilsons():
    row = kano(answered((30, 20, 10, 15, 3, 2)), {"x": ("f", "d")}, level=0.9).row("x")
    for side, successes, sign in (("better", 30, 1), ("worse", 50, -1)):
        low, high = proportion_confint(successes, 75, alpha=0.1, method="wilson")
        wanted = sorted([sign * low, sign * high])
        assert [row[f"{side}_low"], row[f"{side}_high"]] == pytest.approx(wanted, abs=1e-12)
    assert (row["n"], row["n_base"]) == (80, 75)


@pytest.mark.parametrize("block", ["strata_a_b", "all_adjust"])
def test_the_lead_under_a_design_is_that_of_r(block):
    data = pd.read_csv(REFERENCE / "design_small.csv")
    data = data if block == "all_adjust" else data[data["stratum"] != "C"]
    data = data.assign(f=(data["y"] - 1) % 5 + 1, d=(data["x"] + data["gap1"] + 10) % 5 + 1)
    row = kano(data, {"x": ("f", "d")}, design=SampleDesign("stratum", "cluster", "weight")).row("x")
    lead, se = R[block]["lead"]
    first, second = ("I", "R") if lead > 0 else ("R", "I")
    assert (row["category"], row["second"], row["df"]) == (first, second, R[block]["df"])
    assert row["share"] == pytest.approx(R[block]["indifferent" if lead > 0 else "reverse"][0], rel=1e-9)
    assert row["fong"] == pytest.approx(abs(lead) * row["n"], rel=1e-9)
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(lead) / se, R[block]["df"]), rel=1e-7)


def test_kiosk_users_counted_by_another_road(shared):
    data = shared.frame("kiosk_kano.csv")
    pairs = {f"{k:02d}": (f"KF{k:02d}", f"KD{k:02d}") for k in range(1, 30)}
    found = kano(data, pairs).frame.set_index("feature")
    for name, (first, second) in pairs.items():
        cells = (
            pd.crosstab(data[first], data[second])
            .reindex(index=range(1, 6), columns=range(1, 6), fill_value=0)
            .to_numpy()
        )
        counts = {
            kind: int(sum(cells[i, j] for i in range(5) for j in range(5) if KANO_TABLE[i][j] == kind))
            for kind in "MOAIRQ"
        }
        assert found.loc[name, list("MOAIRQ")].to_dict() == counts
        base = sum(counts[kind] for kind in "MOAI")
        assert found.loc[name, "better"] == pytest.approx((counts["A"] + counts["O"]) / base)
        assert found.loc[name, "worse"] == pytest.approx(-(counts["M"] + counts["O"]) / base)
        assert found.loc[name, "category"] == max("MOAIRQ", key=counts.__getitem__)


def test_fong_is_more_generous_than_a_test_of_the_same_people():
    """Its critical difference grows with both counts, and p of a lead that it just calls clear is above 10%."""
    for a, b in ((101, 81), (60, 40), (124, 121)):
        critical = float(fong_critical(a, b, 296))
        assert critical < 1.645 * np.sqrt(a + b - (a - b) ** 2 / 296)  # covariance of two shares of one sample
    just = kano(answered((55, 72, 30, 30, 0, 0)), {"x": ("f", "d")}).row("x")
    assert just["clear"]
    assert just["p"] > 0.1


def test_missing_answers_groups_and_everyone_alike():
    data = answered((20, 10, 5, 5, 0, 0)).assign(segment=lambda d: np.where(np.arange(len(d)) < 20, "new", "old"))
    data.loc[0, "f"] = np.nan
    data.loc[data["segment"] == "old", "d"] = np.nan
    data["f2"], data["d2"] = 1, 5
    found = kano(data, {"x": ("f", "d"), "y": ("f2", "d2")}, by="segment", labels={"x": {"en": "queue", "zh": "排队"}})
    assert found.row("x", segment="new")["n"] == 19
    assert found.row("x", segment="old")["reason"] == "nobody"
    assert found.sentence("x", segment="old") == "queue (old): no category can be given (nobody answered)."
    assert found.in_language("zh").sentence("x", segment="old") == "排队（old）：无法计算（无人作答）。"
    alike = found.row("y", segment="new")
    assert (alike["better"], alike["worse"], alike["category"]) == (1.0, -1.0, "O")
    assert alike["better_low"] < 0.9  # 20 alike are not everyone
    assert "n = 19–40 of 40 respondents" in found.note()
    only = kano(pd.DataFrame({"f": [1, 5, 5], "d": [1, 1, 1]}), {"x": ("f", "d")})
    assert only.row("x")["category"] == "R"
    assert np.isnan(only.row("x")["better"])
    assert only.row("x")["reason"] == "nobody"


def test_both_languages():
    found = kano(
        answered((55, 72, 30, 30, 0, 0)), {"queue": ("f", "d")}, labels={"queue": {"en": "queue", "zh": "排队"}}
    )
    assert found.sentence("queue").startswith("queue: one-dimensional to 39%, clear by Fong's test; better 0.55 (")
    assert found.in_language("zh").sentence("queue").startswith("排队：期望（O），占 39%，Fong 检验明确；Better 0.55（")
    open_ = kano(answered((60, 58, 20, 20, 0, 0)), {"queue": ("f", "d")})
    assert "not clearly more than one-dimensional; by the rule M > O > A > I it counts as must-be" in open_.sentence(
        "queue"
    )
    assert found.in_language("zh").title() == "Kano 质量类型"


def test_wrong_answers_are_listed():
    data = answered((5, 5, 5, 5, 0, 0)).astype(object)
    data.loc[3, "f"], data.loc[7, "d"] = 6, "like"
    with pytest.raises(
        DataError, match=r"2 Kano answers are not 1 .like. to 5 .dislike.: 6 in f, row 3; 'like' in d, row 7"
    ) as caught:
        kano(data, {"x": ("f", "d")})
    assert caught.value.cases[["row", "column"]].to_numpy().tolist() == [[3, "f"], [7, "d"]]
    with pytest.raises(SpecError, match="names no feature"):
        kano(data, {})
    with pytest.raises(DataError, match="no column 'g'"):
        kano(data, {"x": ("f", "g")})
    with pytest.raises(SpecError, match="have a column of that name"):
        kano(data.assign(share=1), {"x": ("f", "d")}, by="share")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_map(language):
    from servqual.plots import new_axes

    frames = [answered(PUBLISHED[name][0]).set_axis([f"f{k}", f"d{k}"], axis=1) for k, name in enumerate(PUBLISHED)]
    pairs = {name: (f"f{k}", f"d{k}") for k, name in enumerate(PUBLISHED)}
    found = kano(pd.concat(frames, axis=1), pairs).in_language(language)
    ax = found.plot(new_axes())
    marks = {line.get_label(): line for line in ax.lines}
    for name in PUBLISHED:
        row = found.row(name)
        assert marks[name].get_xydata().tolist() == [[-row["worse"], row["better"]]]
        assert (marks[name].get_markerfacecolor() == "white") == (not row["clear"])
    assert {"Service app", "Hotline"} <= {text.get_text() for text in ax.texts}
    with pytest.raises(SpecError, match="one group"):
        kano(pd.concat(frames, axis=1).assign(g=1), pairs, by="g").plot(new_axes())


def test_labels_keep_clear_of_marks_and_of_each_other():
    rng = np.random.default_rng(4)
    marks, widths = rng.uniform(40, 360, (12, 2)), [40.0] * 12
    boxes = []
    for (x, y), (dx, dy), width in zip(marks, label_places(marks, widths, (400.0, 400.0)), widths, strict=True):
        boxes.append((x + dx, y + dy - 4, x + dx + width, y + dy + 4))
    touching = [(i, j) for i in range(12) for j in range(i) if boxes[i][0] < boxes[j][2] and boxes[j][0] < boxes[i][2]
                and boxes[i][1] < boxes[j][3] and boxes[j][1] < boxes[i][3]]  # fmt: skip
    assert not touching
