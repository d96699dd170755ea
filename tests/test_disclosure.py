"""Small cells: what a reader who knows all that is shown can still work out about a blanked base.

The attacker of these tests is independent of the package: every table of whole numbers that agrees with the published
cells and totals is listed, or bounded by an integer programme (scipy's milp; the package uses shortest paths and
maximum flows). The published counter-example is that of R's sdcTable (tests of its simple heuristic): two blanked cells in
every row and column, and yet one can be computed.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from servqual.disclosure import SUPPRESSED, WHY, Suppression, _Table, suppress_comparisons, suppress_small_cells
from survey_design.errors import DataError, SpecError


def one_way(bases, name="tier") -> pd.DataFrame:
    rng = np.random.default_rng(len(bases))
    groups = [f"g{k}" for k in range(len(bases))]
    return pd.DataFrame({name: groups, "gap": rng.normal(size=len(bases)), "n": list(bases), "reason": ""})


def two_way(bases) -> pd.DataFrame:
    bases = np.asarray(bases)
    cells = [(f"r{i}", f"c{j}", n) for (i, j), n in np.ndenumerate(bases)]
    return pd.DataFrame(cells, columns=["tier", "region", "n"]).assign(gap=-0.5)


def attack(shown: pd.DataFrame, margins: list[tuple[pd.DataFrame, list[str]]]) -> list[tuple[int, int]]:
    """The bases of the blanked rows that agree with the margins: smallest and largest, each at least 1."""
    blank = np.flatnonzero(shown["n"].isna())
    rows, known = [], []
    for margin, names in margins:
        for _, line in margin.dropna(subset=["n"]).iterrows():
            inside = (
                np.all([shown[name] == line[name] for name in names], axis=0) if names else np.ones(len(shown), bool)
            )
            rows.append(inside[blank].astype(float))
            known.append(float(line["n"]) - float(shown["n"][inside].sum()))
    sums = LinearConstraint(np.array(rows), known, known)
    bounds = []
    for k in range(len(blank)):
        target = np.eye(len(blank))[k]
        reach = [
            milp(sign * target, constraints=sums, bounds=Bounds(1, np.inf), integrality=np.ones(len(blank)))
            for sign in (1, -1)
        ]
        assert all(done.success for done in reach), "the truth itself agrees with what is published"
        bounds.append((round(reach[0].fun), round(-reach[1].fun)))
    return bounds


def margins_of(full: pd.DataFrame, minimum: int, names=("tier", "region")) -> list[tuple[pd.DataFrame, list[str]]]:
    """The tables of each column by itself, suppressed too, and the total of everybody."""
    tables = [(pd.DataFrame({"n": [full["n"].sum()]}), [])]
    for name in names:
        margin = full.groupby(name, as_index=False, sort=False)["n"].sum()
        tables.append((suppress_small_cells(margin, by=name, minimum=minimum)[0], [name]))
    return tables


# --- one column --------------------------------------------------------------------------------------------


def test_a_small_group_takes_the_next_smallest_with_it():
    table = one_way([40, 25, 9, 3])
    shown, suppression = suppress_small_cells(table, by="tier")
    assert shown["n"].isna().tolist() == [False, False, True, True]
    assert shown["gap"].isna().tolist() == [False, False, True, True]
    assert shown["reason"].tolist() == ["", "", "suppressed", "suppressed"]
    assert suppression.frame["why"].tolist() == ["complementary", "primary"]
    assert suppression.frame[["low", "high"]].to_numpy().tolist() == [[1, 11], [1, 11]]
    assert suppression.frame["protected"].all()


def test_groups_that_hide_each_other_take_nobody_with_them():
    shown, suppression = suppress_small_cells(one_way([40, 4, 4, 4]), by="tier")
    assert shown["n"].isna().sum() == 3
    assert set(suppression.frame["why"]) == {"primary"}


def test_two_small_groups_that_sum_to_less_than_the_minimum_do_not_hide_each_other():
    shown, _ = suppress_small_cells(one_way([40, 30, 1, 2]), by="tier")
    assert shown["n"].isna().tolist() == [False, True, True, True]


def test_a_table_without_small_cells_is_as_it_was():
    table = one_way([40, 25, 5, 0])
    shown, suppression = suppress_small_cells(table, by="tier")
    pd.testing.assert_frame_equal(shown, table)
    assert suppression.frame.empty
    assert suppression.sentence() == "No cell rests on fewer than 5 answers; none was suppressed."


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.integers(2, 6))
def test_no_small_base_can_be_worked_out_from_the_total(bases, minimum):
    """All tables that agree with what is shown are listed, one by one."""
    table = one_way(bases)
    shown, suppression = suppress_small_cells(table, by="tier", minimum=minimum)
    blank = shown["n"].isna().to_numpy()
    assert not (shown["n"].dropna().between(1, minimum - 1)).any()
    rest = sum(bases) - int(shown["n"].sum())
    k = int(blank.sum())
    listed = np.array([x for x in product(range(1, rest + 1), repeat=k - 1) if sum(x) < rest] if k > 1 else [()][:k])
    if k == 0:
        return
    last = rest - listed.sum(axis=1) if k > 1 else np.array([rest])
    possible = np.column_stack([listed, last]) if k > 1 else last[:, None]
    for place, (_, line) in enumerate(suppression.frame.iterrows()):
        assert (line["low"], line["high"]) == (possible[:, place].min(), possible[:, place].max())
        if line["why"] == "primary" and sum(bases) >= minimum + k - 1:
            assert line["protected"]
            assert (possible[:, place].min(), possible[:, place].max() >= minimum) == (1, True)
        elif not line["protected"]:
            best = sum(bases) - np.count_nonzero(bases) + 1
            assert line["high"] == best < minimum, "blanking everything would not have helped"


def test_totals_that_give_a_cell_away_are_named():
    _, suppression = suppress_small_cells(one_way([3]), by="tier")
    assert suppression.n_exposed == 1
    assert "1 cell is given away by the totals" in suppression.note()
    assert "1 格仍可由合计推知" in suppression.in_language("zh").note()


# --- overall and by group: the difference ------------------------------------------------------------------


def overall(n) -> pd.DataFrame:
    return pd.DataFrame({"gap": [-0.8], "n": [n]})


def test_people_whom_only_the_total_counts_hide_a_small_group():
    table = one_way([40, 25, 3])
    assert suppress_small_cells(table, by="tier", total=overall(68))[0]["n"].isna().sum() == 2
    shown, suppression = suppress_small_cells(table, by="tier", total=overall(68 + 9))
    assert shown["n"].isna().tolist() == [False, False, True]
    assert suppression.frame[["low", "high"]].to_numpy().tolist() == [[1, 11]]


def test_a_few_people_whom_only_the_total_counts_are_the_difference():
    """70 in all, 68 in the groups: the two without a group would be shown by subtraction, so a group is blanked."""
    table = one_way([40, 20, 8])
    shown, suppression = suppress_small_cells(table, by="tier", total=overall(70))
    assert shown["n"].isna().tolist() == [False, False, True]
    assert suppression.frame["why"].tolist() == ["complementary"]
    assert int(suppression.frame["high"].iloc[0]) == 9


def test_groups_that_exceed_their_total_are_refused():
    with pytest.raises(DataError, match="hold 8 more answers than the total"):
        suppress_small_cells(one_way([40, 28]), by="tier", total=overall(60))
    with pytest.raises(DataError, match="the total has 2 rows"):
        suppress_small_cells(one_way([40, 28]), by="tier", total=pd.concat([overall(70)] * 2))
    with pytest.raises(SpecError, match="one split column"):
        suppress_small_cells(two_way([[9, 9], [9, 9]]), by=["tier", "region"], total=overall(36))


# --- two columns -------------------------------------------------------------------------------------------

# rows w, x, y, z and columns a, b, c, d
COUNTER = np.array([[30, 47, 64, 89], [90, 124, 5, 31], [92, 100, 59, 85], [800, 991, 651, 685]])
PATTERN = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 1, 0, 1]], dtype=bool)


def graph(bases) -> _Table:
    rows, columns = np.indices(bases.shape)
    return _Table(np.arange(bases.size), rows.ravel(), columns.ravel(), bases.ravel().astype(float), bases.size)


def test_two_blanks_per_row_and_column_are_not_enough():
    """sdcTable's counter-example: rows w + x leave 236, columns a + c leave 189, so w|b is 47."""
    assert PATTERN.sum(axis=0).min() >= 2
    assert PATTERN.sum(axis=1).min() >= 2
    table = graph(COUNTER)
    assert table.bounds(1, PATTERN.ravel()) == (47, 47)
    assert table.bounds(0, PATTERN.ravel()) == (26, 93)  # row w leaves 94 for a and c, row x at most 94 of a's 120
    assert not table.reaches(1, PATTERN.ravel(), 1, 48)
    full = two_way(COUNTER)
    shown, suppression = suppress_small_cells(full, by=["tier", "region"], minimum=48)
    reach = attack(shown, margins_of(full, 48))
    small = suppression.frame["why"] == "primary"
    assert small.sum() == 4
    for (low, high), primary in zip(reach, small, strict=True):
        assert not primary or (low == 1 and high >= 48)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 5), st.floats(0.2, 0.9))
def test_a_blank_is_computable_where_it_is_a_bridge(seed, height, width, share):
    """Gusfield (1988): a cell is determined by the totals just when its unit vector lies in their row space."""
    rng = np.random.default_rng(seed)
    bases, hidden = rng.integers(3, 30, (height, width)), rng.random((height, width)) < share
    rows, columns = np.nonzero(hidden)
    if not len(rows):
        return
    sums = np.vstack([rows == i for i in range(height)] + [columns == j for j in range(width)]).astype(float)
    table, rank = graph(bases), np.linalg.matrix_rank(sums)
    for k, edge in enumerate(np.flatnonzero(hidden.ravel())):
        determined = np.linalg.matrix_rank(np.vstack([sums, np.eye(len(rows))[k]])) == rank
        low, high = table.bounds(int(edge), hidden.ravel())
        assert (low == high == bases.ravel()[edge]) if determined else low < high


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 4), st.sampled_from([3, 5, 10]), st.floats(2, 25))
@example(2, 2, 4, 3, 3.0)  # a column without anybody beside one that gives a cell away
def test_no_small_base_can_be_worked_out_from_the_margins(seed, height, width, minimum, mean):
    rng = np.random.default_rng(seed)
    full = two_way(rng.poisson(rng.gamma(1.0, mean, (height, width))))
    shown, suppression = suppress_small_cells(full, by=["tier", "region"], minimum=minimum)
    assert not shown["n"].dropna().between(1, minimum - 1).any()
    reach = attack(shown, margins_of(full, minimum)) if len(suppression.frame) else []
    for (low, high), (_, line) in zip(reach, suppression.frame.iterrows(), strict=True):
        assert (line["low"], line["high"]) == (low, high)
        if line["why"] == "primary":
            assert line["protected"] == (low == 1 and high >= minimum)
    if not suppression.frame["protected"].all():
        blanks = full["n"] > 0
        best = attack(full.assign(n=full["n"].astype("Int64").mask(blanks)), margins_of(full, minimum))
        best_of = dict(zip(zip(full["tier"][blanks], full["region"][blanks], strict=True), best, strict=True))
        for _, line in suppression.frame[~suppression.frame["protected"]].iterrows():
            widest = best_of[line["tier"], line["region"]]
            assert (line["low"], min(line["high"], minimum)) == (widest[0], min(widest[1], minimum))
            assert widest[1] < minimum or widest[0] > 1, "blanking everything would not have helped"


def test_every_small_table_by_listing_all_that_agree():
    """3 x 3 tables, each blanked one compared with every table of whole numbers that has the same totals."""
    rng = np.random.default_rng(5)
    checked = 0
    while checked < 4:
        bases = rng.integers(1, 7, (3, 3))
        shown, suppression = suppress_small_cells(two_way(bases), by=["tier", "region"], minimum=2)
        blank = shown["n"].isna().to_numpy().reshape(3, 3)
        if not 4 <= blank.sum() <= 5 or bases.sum(axis=1).min() < 2 or bases.sum(axis=0).min() < 2:
            continue
        options = np.array(list(product(range(1, 13), repeat=int(blank.sum()))), dtype=np.int16)
        tables = np.repeat(bases[None], len(options), axis=0)
        tables[:, blank] = options
        same = (tables.sum(axis=1) == bases.sum(axis=0)).all(axis=1) & (tables.sum(axis=2) == bases.sum(axis=1)).all(
            axis=1
        )
        possible = tables[same][:, blank]
        assert possible.max() < 12, "the list is long enough"
        assert suppression.frame["low"].tolist() == possible.min(axis=0).tolist()
        assert suppression.frame["high"].tolist() == possible.max(axis=0).tolist()
        checked += 1


def test_small_cells_on_a_diagonal_hide_each_other():
    """Row and column totals of 10 allow [[1, 9], [9, 1]] as well as [[9, 1], [1, 9]]."""
    _, suppression = suppress_small_cells(two_way([[1, 9], [9, 1]]), by=["tier", "region"])
    assert suppression.frame[["low", "high"]].to_numpy().tolist() == [[1, 9]] * 4
    assert suppression.frame["protected"].all()


def test_a_row_total_that_gives_its_cells_away_is_named():
    """Two cells that sum to a published 5 hold at most 4 each, whatever else is blanked; so no more than needed is."""
    table = two_way([[2, 3], [30, 30], [40, 40]])
    shown, suppression = suppress_small_cells(table, by=["tier", "region"])
    assert shown["n"].isna().tolist() == [True, True, True, True, False, False]
    assert suppression.frame["high"].tolist()[:2] == [4, 4]
    assert suppression.n_exposed == 2


def test_means_cannot_be_worked_out_either():
    """n x mean adds up as n does: no blanked small cell is a linear function of what is shown."""
    bases = np.array([[20, 15, 30, 12], [14, 3, 25, 40], [33, 18, 2, 16], [21, 17, 19, 28]])
    shown, suppression = suppress_small_cells(two_way(bases), by=["tier", "region"])
    blank = shown["n"].isna().to_numpy().reshape(4, 4)
    rows, columns = np.nonzero(blank)
    sums = np.vstack([rows == i for i in range(4)] + [columns == j for j in range(4)]).astype(float)
    for k in np.flatnonzero(suppression.frame["why"] == "primary"):
        assert np.linalg.matrix_rank(np.vstack([sums, np.eye(len(rows))[k]])) > np.linalg.matrix_rank(sums)
    assert blank.sum() <= 7, "two small cells need no more than a cycle each"


# --- measures, bases, columns ------------------------------------------------------------------------------


def by_dimension() -> pd.DataFrame:
    tiers, dimensions = ["flagship", "core", "corner", "kiosk"], ["tangibles", "reliability"]
    bases = {"tangibles": [60, 30, 21, 3], "reliability": [58, 19, 20, 4]}
    rows = [(t, d, bases[d][k], 50, -0.5, 0.1 * k, True) for k, t in enumerate(tiers) for d in dimensions]
    return pd.DataFrame(
        rows, columns=["tier", "dimension", "n", "n_expectation", "gap", "p", "flag"], index=range(10, 18)
    )


def test_measures_blank_the_same_groups_where_they_can():
    """For reliability core (19) is smaller than corner (20); but corner is smaller over both, and is blanked for both."""
    table = by_dimension().loc[lambda frame: frame["tier"] != "none"]
    before = table.copy()
    shown, suppression = suppress_small_cells(table, by="tier", within="dimension")
    pd.testing.assert_frame_equal(table, before)
    assert set(suppression.frame["tier"]) == {"corner", "kiosk"}
    assert len(suppression.frame) == 4
    assert list(shown.index) == list(table.index)
    blank = shown["tier"].isin(["corner", "kiosk"])
    assert shown.loc[blank, ["n", "n_expectation", "gap", "p", "flag"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(shown.loc[~blank, ["n", "gap"]], table.loc[~blank, ["n", "gap"]], check_dtype=False)
    assert str(shown["n"].dtype) == "Int64"


def test_only_the_named_values_are_blanked_and_bases_always():
    shown, _ = suppress_small_cells(by_dimension(), by="tier", within=["dimension"], values=["gap"])
    assert shown["p"].notna().all()
    assert shown["gap"].isna().sum() == shown["n"].isna().sum() == 4


def test_a_row_is_small_where_any_of_its_bases_is():
    table = one_way([40, 30, 20]).assign(n_expectation=[30, 2, 9])
    shown, suppression = suppress_small_cells(table, by="tier", n=["n", "n_expectation"])
    assert shown["n_expectation"].isna().tolist() == [False, True, True]
    assert suppression.frame["why"].tolist() == ["primary", "complementary"]
    assert suppression.frame["high"].tolist() == [49, 49], "bounds are those of the first base"


def test_nothing_shown_tells_primary_from_complementary():
    shown, _ = suppress_small_cells(one_way([40, 25, 9, 3]), by="tier")
    last, small = shown.iloc[2].drop("tier"), shown.iloc[3].drop("tier")
    assert [str(a) for a in last] == [str(b) for b in small]


def test_blank_groups_and_missing_columns():
    table = one_way([40, 25, 3]).drop(columns="reason")
    table.loc[1, "tier"] = None
    shown, _ = suppress_small_cells(table, by="tier")
    assert shown["reason"].tolist() == ["", "suppressed", "suppressed"]


# --- comparisons -------------------------------------------------------------------------------------------


def test_differences_with_a_suppressed_group_are_blanked():
    table = by_dimension()
    _, suppression = suppress_small_cells(table, by="tier", within="dimension")
    pairs = pd.DataFrame(
        [("flagship", "core", "tangibles", 0.3, 90, ""), ("flagship", "kiosk", "tangibles", 0.5, 63, "no df"),
         ("kiosk", "core", "reliability", -0.2, 23, ""), ("core", "corner", "reliability", 0.1, 39, "")],
        columns=["tier", "against", "dimension", "difference", "n", "reason"],
    )  # fmt: skip
    shown = suppress_comparisons(pairs, suppression, groups=["tier", "against"])
    assert shown["difference"].isna().tolist() == [False, True, True, True]
    assert shown["n"].isna().tolist() == [False, True, True, True]
    assert shown["reason"].tolist() == ["", "suppressed", "suppressed", "suppressed"]
    with pytest.raises(SpecError, match="names no split column"):
        suppress_comparisons(pairs, suppression, groups=["against"])


def test_real_tables_of_gaps_and_their_comparison():
    from servqual import Responses, compare, load_instrument, score_gaps

    instrument, rng = load_instrument("retail-13"), np.random.default_rng(2)
    tiers = ["flagship"] * 30 + ["core"] * 20 + ["corner"] * 12 + ["kiosk"] * 3
    forms = [instrument.columns(form).values() for form in ("expectation", "perception")]
    data = pd.DataFrame({name: rng.integers(1, 8, len(tiers)) for names in forms for name in names}).assign(tier=tiers)
    gaps = score_gaps(Responses(data, instrument), by="tier")
    table, differences = gaps.dimensions.to_frame(), compare(gaps, "tier").to_frame()
    shown, suppression = suppress_small_cells(table, by="tier", within="dimension")
    assert set(shown.loc[shown["n"].isna(), "tier"]) == {"corner", "kiosk"}
    kept = shown["n"].notna()
    pd.testing.assert_series_equal(shown.loc[kept, "gap"], table.loc[kept, "gap"])
    assert suppression.frame["protected"].all()
    left = suppress_comparisons(differences, suppression, groups=["tier", "against"]).dropna(subset=["difference"])
    assert {*left["tier"], *left["against"]} == {"flagship", "core"}


# --- words and bad input -----------------------------------------------------------------------------------


def test_the_result_reads_in_both_languages():
    _, suppression = suppress_small_cells(one_way([40, 25, 9, 3]), by="tier")
    assert suppression.sentence() == (
        "To protect respondents 2 of 4 cells are suppressed: they rest on fewer than 5 answers, or would show others that do."
    )
    zh = suppression.in_language("zh")
    assert zh.sentence() == "为保护受访者，4 个单元格中隐去 2 个（样本量低于 5，或可推算出此类单元格）。"
    assert "样本量低于下限" in zh.to_string()
    assert "not for publication" in suppression.to_string()
    assert isinstance(suppression, Suppression)
    assert all({"en", "zh"} <= set(text) for words in (SUPPRESSED, WHY) for text in words.values())
    none = suppress_small_cells(one_way([9, 9]), by="tier", language="zh")[1]
    assert none.sentence() == "各单元格样本量均不低于 5，无隐去。"


@pytest.mark.parametrize("minimum", [1, 0, 2.5, "5", True])
def test_a_minimum_that_protects_nobody_is_refused(minimum):
    with pytest.raises(SpecError, match="whole number of 2 or more"):
        suppress_small_cells(one_way([9, 3]), by="tier", minimum=minimum)


def test_bad_tables_are_refused_with_all_their_cells():
    with pytest.raises(DataError, match="Did you mean 'tier'"):
        suppress_small_cells(one_way([9, 3]), by="tiers")
    with pytest.raises(DataError, match="within='dimension'") as caught:
        suppress_small_cells(by_dimension(), by="tier")
    assert len(caught.value.cases) == 8
    with pytest.raises(DataError, match="3 bases in 'n'") as caught:
        suppress_small_cells(one_way([9, -1, 2.5, np.nan]), by="tier")
    assert caught.value.cases["row"].tolist() == [1, 2, 3]
    with pytest.raises(SpecError, match="one or two columns"):
        suppress_small_cells(one_way([9, 3]), by=["tier", "n", "gap"])


# --- verdicts in words -------------------------------------------------------------------------------------


def test_a_suppressed_row_keeps_its_keys_alone():
    from servqual.instruments import load_instrument
    from servqual.responses import Responses
    from servqual.tolerance import score_tolerance

    asked, rng, n = load_instrument("tolerance-22"), np.random.default_rng(4), 43
    levels = {"perception": 5, "minimum": 4, "desired": 6}
    data = pd.DataFrame({name: np.clip(level + rng.integers(-1, 2, n), 1, 7)
                         for form, level in levels.items() for name in asked.columns(form).values()})  # fmt: skip
    data["tier"] = ["big"] * 20 + ["mid"] * 20 + ["tiny"] * 3
    table = score_tolerance(Responses(data, asked), by="tier").to_frame()
    assert table["position"].ne("").all()
    shown, suppression = suppress_small_cells(table, by="tier", within="dimension")
    blank = shown["reason"] == "suppressed"
    assert set(shown["tier"][blank]) == set(suppression.frame["tier"]) >= {"tiny"}
    rest = shown.loc[blank].drop(columns=["tier", "dimension", "reason"])
    assert (rest.isna() | (rest == "")).all(axis=None)
    pd.testing.assert_series_equal(shown["position"][~blank], table["position"][~blank], check_dtype=False)


def test_verdicts_on_suppressed_differences_are_blanked_and_labels_stay():
    table = by_dimension()
    _, suppression = suppress_small_cells(table, by="tier", within="dimension")
    pairs = pd.DataFrame(
        [("flagship", "kiosk", "tangibles", 0.5, "higher"), ("flagship", "kiosk", "overall", 0.5, "higher")],
        columns=["tier", "against", "measure", "difference", "verdict"],
    )
    shown = suppress_comparisons(pairs, suppression, groups=["tier", "against"])
    assert shown[["tier", "against", "measure"]].equals(pairs[["tier", "against", "measure"]])
    assert shown["verdict"].tolist() == ["", ""]
    assert shown["difference"].isna().all()
