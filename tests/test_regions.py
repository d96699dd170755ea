"""Groups of regions against scikit-learn, choices against all possible ones and against their stated probabilities.

Authorities: scikit-learn's Ward clustering, silhouettes and principal components; all sets of small cases; means and
differences by hand in pandas. Identities: units of the variables and the order of the rows change nothing, choosing
all regions has no differences, weights make up for probabilities.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from survey_design.errors import DataError, SpecError
from survey_design.plots.regions import principal_axes
from survey_design.plots.sheet import new_axes
from survey_design.sampling import SampleDesign
from survey_design.sampling.regions import (
    choose_regions,
    criterion_scores,
    exchange,
    group_regions,
    random_scores,
    silhouettes,
)

CRITERIA = {"economic": ["income", "output"], "service": "wait", "behaviour": ["online", "basket"]}
VARIABLES = ["income", "output", "wait", "online", "basket"]


def cities(k=31, seed=5, apart=1.0) -> pd.DataFrame:
    """Three kinds of cities, ``apart`` times as far from each other as usual."""
    rng = np.random.default_rng(seed)
    kind = np.arange(k) % 3
    level = apart * np.array([[9, 12, 5, 60, 330], [6, 7, 9, 40, 300], [3, 2, 6, 50, 270]])[kind]
    values = level + rng.normal(0, [0.9, 1.5, 1.2, 6, 30], (k, 5))
    frame = pd.DataFrame(values, columns=VARIABLES)
    frame.insert(0, "city", [f"city {j:02d}" for j in range(k)])
    return frame.assign(
        customers=np.round(rng.lognormal(10, 0.8, k)), area=np.array(["north", "south"])[np.arange(k) % 2]
    )


def grouped(frame=None, **options):
    return group_regions(cities() if frame is None else frame, CRITERIA, by="city", **({"size": "customers"} | options))


# --- outside authorities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("apart", [0.2, 1.0])
def test_groups_and_silhouettes_are_those_of_scikit_learn(k, apart):
    found = grouped(cities(apart=apart), groups=k)
    z = cities(apart=apart)[VARIABLES]
    z = (z - z.mean()) / z.std() / np.sqrt([2, 2, 1, 2, 2])
    theirs = AgglomerativeClustering(k, linkage="ward").fit_predict(z)
    assert adjusted_rand_score(theirs, found.frame["group"]) == 1
    expected = silhouette_samples(z / np.sqrt(3), theirs)
    assert found.frame["silhouette"].to_numpy() == pytest.approx(expected, abs=1e-12)


def test_the_number_of_groups_has_the_largest_silhouette():
    found = grouped()
    z = cities()[VARIABLES]
    z = (z - z.mean()) / z.std() / np.sqrt([2, 2, 1, 2, 2])
    theirs = [silhouette_samples(z, AgglomerativeClustering(k).fit_predict(z)).mean() for k in range(2, 9)]
    assert found.tried["silhouette"].to_numpy() == pytest.approx(theirs, abs=1e-12)
    assert len(found.groups) == 2 + int(np.argmax(theirs)) == 3
    assert found.silhouette == pytest.approx(max(theirs), abs=1e-12)
    kinds = np.arange(31) % 3
    assert adjusted_rand_score(kinds, found.frame["group"]) > 0.9  # and they are the kinds that were made


def test_a_region_alone_has_no_silhouette():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(12, 3))
    codes = np.array([0] * 5 + [1] * 6 + [2])
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    assert silhouettes(distance, codes) == pytest.approx(silhouette_samples(points, codes), abs=1e-12)
    assert silhouettes(distance, codes)[-1] == 0


def test_the_picture_has_principal_axes():
    scores = criterion_scores(cities()[VARIABLES].to_numpy(), [2, 1, 2])
    places, shares, loads = principal_axes(scores)
    pca = PCA(2).fit(scores)
    assert np.abs(places) == pytest.approx(np.abs(pca.transform(scores)), abs=1e-10)
    assert shares == pytest.approx(pca.explained_variance_ratio_, rel=1e-10)
    by_hand = [[np.corrcoef(scores[:, j], places[:, k])[0, 1] for k in range(2)] for j in range(5)]
    assert loads == pytest.approx(np.array(by_hand), abs=1e-10)


# --- grouping ----------------------------------------------------------------------------------------------


def test_every_criterion_counts_the_same():
    scores = criterion_scores(cities()[VARIABLES].to_numpy(), [2, 1, 2])
    spread = scores.var(axis=0, ddof=1)
    assert [spread[:2].sum(), spread[2], spread[3:].sum()] == pytest.approx([1 / 3] * 3)


def test_a_column_given_twice_under_two_names_changes_nothing():
    frame = cities()
    twice = group_regions(
        frame.assign(pay=frame["income"]), {"economic": ["income", "pay"], "service": "wait"}, by="city"
    )
    once = group_regions(frame, {"economic": "income", "service": "wait"}, by="city")
    assert twice.frame["group"].tolist() == once.frame["group"].tolist()
    assert twice.frame["silhouette"].to_numpy() == pytest.approx(once.frame["silhouette"].to_numpy())


def test_units_and_order_of_rows_change_no_group():
    frame = cities()
    other = frame.assign(income=1000 * frame["income"] + 7, wait=-frame["wait"]).sample(frac=1, random_state=2)
    mine, theirs = grouped(frame).frame, grouped(other).frame.set_index("city").loc[frame["city"]]
    assert adjusted_rand_score(mine["group"], theirs["group"]) == 1
    assert theirs["distance"].to_numpy() == pytest.approx(mine["distance"].to_numpy())


def test_groups_are_numbered_by_their_regions():
    found = grouped(groups=5)
    counts = found.frame["group"].value_counts()
    assert found.groups == [1, 2, 3, 4, 5]
    assert counts.loc[found.groups].is_monotonic_decreasing


def test_profiles_are_means():
    found, frame = grouped(groups=3), cities()
    profile = found.profile().to_frame().set_index("group")
    means = frame.groupby(found.frame["group"].to_numpy())[VARIABLES].mean()
    assert profile[VARIABLES].to_numpy() == pytest.approx(means.to_numpy())
    assert profile["regions"].sum() == 31
    share = frame.groupby(found.frame["group"].to_numpy())["customers"].sum() / frame["customers"].sum()
    assert profile["size_share"].to_numpy() == pytest.approx(share.to_numpy())


def test_strata_can_be_given():
    found = grouped(groups="area")
    assert found.groups == ["north", "south"]
    assert found.frame["group"].tolist() == cities()["area"].tolist()
    assert "Groups as given in area." in found.note()
    assert "no clear groups" in found.note()  # they have nothing to do with the variables
    assert "分组取自 area 列" in found.in_language("zh").note()


def test_the_regions_are_left_alone():
    frame = cities()
    before = frame.copy(deep=True)
    choose_regions(grouped(frame), 6, seed=1)
    pd.testing.assert_frame_equal(frame, before)


# --- choosing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["pps", "srs", "representative"])
@pytest.mark.parametrize("n", [3, 8, 31])
def test_every_group_is_there_and_weights_carry_to_all(method, n):
    found = grouped(groups=3)
    chosen = choose_regions(found, n, method=method, comparisons=200, seed=4)
    assert len(chosen.frame) == n == chosen.frame["city"].nunique()
    assert set(chosen.frame["group"]) == {1, 2, 3}
    again = choose_regions(found, n, method=method, comparisons=200, seed=4)
    pd.testing.assert_frame_equal(chosen.frame, again.frame)
    assert chosen.score == again.score
    if method == "srs":
        assert chosen.frame["weight"].sum() == pytest.approx(31)
    else:  # the sizes of the groups are met exactly
        sums = (chosen.frame["weight"] * chosen.frame["size"]).groupby(chosen.frame["group"]).sum()
        assert sums.to_numpy() == pytest.approx(found.frame.groupby("group")["size"].sum().to_numpy())


def test_choosing_all_regions_has_no_differences():
    for method in ("pps", "srs", "representative"):
        chosen = choose_regions(grouped(), 31, method=method, comparisons=50, seed=1)
        assert chosen.score == pytest.approx(0, abs=1e-12)
        assert (chosen.percentile, chosen.covered) == (1, 1)
        assert chosen.balances["weighted_difference"].to_numpy() == pytest.approx(np.zeros(5), abs=1e-12)
        assert (chosen.balances["range_covered"] == 1).all()


@pytest.mark.parametrize("method", ["pps", "srs"])
def test_regions_are_drawn_as_often_as_stated(method):
    """300 seeds; a Bonferroni bound of 4.5 standard errors over 31 regions."""
    found, times = grouped(groups=3), 300
    drawn, stated = np.zeros(31), np.full(31, np.nan)
    for seed in range(times):
        frame = choose_regions(found, 8, method=method, comparisons=1, seed=seed).frame
        places = frame["city"].str[5:].astype(int).to_numpy()
        drawn[places] += 1
        stated[places] = frame["inclusion_probability"]
    assert np.isfinite(stated).all()
    assert stated.sum() == pytest.approx(8)
    error = np.sqrt(stated * (1 - stated) / times)
    assert (np.abs(drawn / times - stated) <= 4.5 * error + 1e-12).all()


def test_probabilities_are_in_proportion_to_size():
    frame = choose_regions(grouped(groups=3), 8, comparisons=10, seed=2).frame
    sizes = grouped(groups=3).frame.groupby("group")["size"]
    for name, part in frame.groupby("group"):
        uncertain = part[part["inclusion_probability"] < 1]
        ratio = uncertain["inclusion_probability"] / uncertain["size"]
        assert ratio.to_numpy() == pytest.approx(np.full(len(ratio), ratio.iloc[0]) if len(ratio) else [])
        if len(uncertain) == len(part):
            assert ratio.iloc[0] == pytest.approx(len(part) / sizes.sum()[name])


def test_the_balance_is_that_of_pandas():
    frame = cities()
    chosen = choose_regions(grouped(frame, groups=3), 8, comparisons=10, seed=2)
    kept = frame.merge(chosen.frame[["city", "weight", "size"]], on="city")
    table = chosen.balance().to_frame().set_index("variable")
    for name in VARIABLES:
        whole = np.average(frame[name], weights=frame["customers"])
        weighted = np.average(kept[name], weights=kept["weight"] * kept["customers"])
        row = table.loc[name]
        assert [row["all"], row["chosen"], row["weighted"]] == pytest.approx([whole, kept[name].mean(), weighted])
        assert row["weighted_difference"] == pytest.approx((weighted - whole) / frame[name].std())
        assert row["difference"] == pytest.approx((kept[name].mean() - whole) / frame[name].std())
        assert row["range_covered"] == pytest.approx(np.ptp(kept[name]) / np.ptp(frame[name]))
    squares = table["weighted_difference"] ** 2
    by_criterion = squares.groupby(table["criterion"]).mean()
    assert chosen.score == pytest.approx(np.sqrt(by_criterion.mean()))
    assert chosen.covered == pytest.approx(kept["customers"].sum() / frame["customers"].sum())


def test_random_choices_have_the_scores_of_all_sets():
    """With 7 regions all 35 sets of 3 can be listed: the distribution of random scores is theirs."""
    rng = np.random.default_rng(8)
    away, size = rng.normal(size=(7, 2)), rng.uniform(1, 5, 7)
    every = [np.linalg.norm(size[list(s)] / size[list(s)].sum() @ away[list(s)]) for s in combinations(range(7), 3)]
    random = random_scores(away, size, 3, 4_000, np.random.default_rng(1))
    assert set(np.round(random, 10)) == set(np.round(every, 10))
    assert random.mean() == pytest.approx(np.mean(every), abs=4.5 * np.std(every) / np.sqrt(4_000))


def test_no_exchange_within_a_group_makes_it_more_representative():
    rng = np.random.default_rng(4)
    away, size, codes = rng.normal(size=(14, 3)), rng.uniform(1, 4, 14), np.arange(14) % 2
    away -= size / size.sum() @ away

    def score(chosen):
        means = [np.average(away[[k for k in chosen if codes[k] == g]], axis=0, weights=size[[k for k in chosen if codes[k] == g]])
                 for g in (0, 1)]  # fmt: skip
        return np.linalg.norm(np.bincount(codes, size) / size.sum() @ means)

    start = np.array([0, 1, 2, 3, 4])
    chosen = set(exchange(away, size, codes, start).tolist())
    assert [sum(codes[k] == g for k in chosen) for g in (0, 1)] == [3, 2]
    assert score(chosen) < score(start)
    for out in chosen:
        for into in set(range(14)) - chosen:
            if codes[out] == codes[into]:
                assert score(chosen - {out} | {into}) >= score(chosen) - 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_the_representative_set_is_the_best_of_all(seed):
    """14 cities in two groups of 7: all sets are listed, and scored by pandas."""
    frame = cities(14, seed=seed)
    chosen = choose_regions(grouped(frame, groups="area"), 5, method="representative", comparisons=10, seed=1)
    numbers = chosen.frame["group"].value_counts()
    z = (frame[VARIABLES] - frame[VARIABLES].mean()) / frame[VARIABLES].std()
    x, target = frame["customers"], z.mul(frame["customers"], axis=0).sum() / frame["customers"].sum()
    rows = {area: frame.index[frame["area"] == area] for area in ("north", "south")}

    def score(sets):
        away = sum(x[rows[area]].sum() / x.sum() * np.average(z.loc[list(part)], axis=0, weights=x[list(part)])
                   for area, part in sets.items()) - target  # fmt: skip
        return np.sqrt((away.to_numpy() ** 2 / [2, 2, 1, 2, 2]).sum() / 3)

    best = min(score({"north": a, "south": b}) for a in combinations(rows["north"], numbers["north"])
               for b in combinations(rows["south"], numbers["south"]))  # fmt: skip
    assert chosen.score == pytest.approx(best, rel=1e-9)


def test_a_purposive_choice_says_that_it_is_one():
    chosen = choose_regions(grouped(groups=3), 8, method="representative", seed=1)
    assert chosen.percentile > 0.95
    assert chosen.frame["inclusion_probability"].isna().all()
    assert set(chosen.frame["reason"]) == {"chosen on purpose, not by chance"}
    assert chosen.design == SampleDesign(strata="group", clusters="city", weight="weight", selection="quota")
    assert "no chance was involved" in chosen.note()
    zh = chosen.in_language("zh")
    assert "主观选取，无入样概率" in zh.to_string()
    assert "选取过程不含随机性" in zh.note()


@pytest.mark.parametrize("method", ["pps", "srs"])
def test_the_design_names_columns_of_the_frame(method):
    chosen = choose_regions(grouped(groups=3), 8, method=method, comparisons=10, seed=1)
    chosen.design.check(chosen.frame)
    assert (chosen.design.clusters, chosen.design.weight, chosen.design.selection) == ("city", "weight", "probability")
    assert (chosen.frame["weight"] * chosen.frame["inclusion_probability"]).to_numpy() == pytest.approx(np.ones(8))


def test_all_area_types_are_covered():
    """All four area types are represented (requirements, section 3, item 5)."""
    stores = cities(40).assign(
        type=np.array(["residential", "commercial", "industrial", "hypermarket"])[np.arange(40) // 10]
    )
    found = group_regions(stores, {"service": "wait"}, by="city", size="customers", groups="type")
    chosen = choose_regions(found, 4, comparisons=10, seed=1)
    assert chosen.frame["group"].value_counts().to_dict() == dict.fromkeys(found.groups, 1)


# --- what can't be used ------------------------------------------------------------------------------------


def test_all_cells_that_cannot_be_used_are_named_at_once():
    frame = cities(6).astype({"income": object, "customers": object})
    frame.loc[1, "income"], frame.loc[2, "income"], frame.loc[3, "wait"] = "high", None, np.inf
    frame.loc[4, "customers"], frame.loc[5, "customers"], frame.loc[5, "city"] = 0, -2, "city 00"
    with pytest.raises(DataError, match="Correct these cells") as caught:
        grouped(frame)
    found = caught.value.cases[["region", "column", "problem"]].to_numpy().tolist()
    assert sorted(map(tuple, found)) == [
        ("city 00", "city", "named twice"), ("city 00", "city", "named twice"), ("city 00", "customers", "negative"),
        ("city 01", "income", "not a number"), ("city 02", "income", "missing"), ("city 03", "wait", "not a number"),
        ("city 04", "customers", "zero"),
    ]  # fmt: skip
    assert set(caught.value.cases.query("column == 'income'")["row"]) == {3, 4}


def test_a_variable_that_is_the_same_everywhere_is_named():
    with pytest.raises(DataError, match=r"wait.*the same in all regions"):
        grouped(cities().assign(wait=3))


def test_missing_strata_are_named():
    frame = cities()
    frame.loc[3, "area"] = None
    with pytest.raises(DataError, match=r"area of 'city 03' \(row 5\): missing"):
        grouped(frame, groups="area")


def test_too_few_regions_for_the_groups():
    with pytest.raises(DataError, match="2 regions can't cover 3 groups with at least 1 each: that takes 3") as caught:
        choose_regions(grouped(groups=3), 2, seed=1)
    assert caught.value.cases["group"].tolist() == [1, 2, 3]
    with pytest.raises(DataError, match="there are only 31"):
        choose_regions(grouped(), 32, seed=1)


def test_wishes_that_make_no_sense():
    with pytest.raises(SpecError, match=r"draws by size: pass size="):
        choose_regions(grouped(size=None), 5, seed=1)
    with pytest.raises(SpecError, match="Choose one of 'pps', 'srs', 'representative'"):
        choose_regions(grouped(), 5, method="best", seed=1)
    with pytest.raises(SpecError, match="n=0 must be a whole number"):
        choose_regions(grouped(), 0, seed=1)
    with pytest.raises(SpecError, match="seed='x'"):
        choose_regions(grouped(), 5, seed="x")
    with pytest.raises(SpecError, match="income: used twice"):
        group_regions(cities(), {"economic": "income", "service": "income"}, by="city")
    with pytest.raises(SpecError, match="every criterion needs a column"):
        group_regions(cities(), {"economic": []}, by="city")
    with pytest.raises(SpecError, match="groups=40 must be a whole number from 1 to 31"):
        grouped(groups=40)
    with pytest.raises(SpecError, match="at least 4 regions"):
        grouped(cities(3))
    with pytest.raises(DataError, match="has no column 'wages'"):
        group_regions(cities(), {"economic": "wages"}, by="city")
    with pytest.raises(SpecError, match="weight: the table of groups has a column of that name"):
        group_regions(cities().rename(columns={"city": "weight"}), CRITERIA, by="weight")


def test_few_regions_can_be_one_group():
    found = grouped(cities(3), groups=1)
    assert found.groups == [1]
    assert found.silhouette == 0
    assert len(choose_regions(found, 2, comparisons=5, seed=1).frame) == 2


# --- words and pictures ------------------------------------------------------------------------------------


def test_both_languages_say_the_same():
    found = grouped(groups=3)
    assert (found.title(), found.in_language("zh").title()) == ("31 regions in 3 groups", "31 个区域分为 3 组")
    assert "consumer behaviour (online, basket)" in found.note()
    assert "消费行为（online、basket）" in found.in_language("zh").note()
    chosen = choose_regions(found, 8, seed=3)
    numbers = [f"{100 * chosen.covered:.0f}%", f"{chosen.score:.2f}", f"{100 * chosen.percentile:.0f}%"]
    assert chosen.percentile < 0.99
    for shown, words in ((chosen, "no worse than"), (chosen.in_language("zh"), "不逊于")):
        assert words in shown.sentence()
        assert all(number in shown.sentence() for number in numbers)
    best = replace(chosen, percentile=1.0)
    assert best.sentence().endswith("sd on average, and none of 2,000 random choices of 8 came nearer.")
    assert best.in_language("zh").sentence().endswith("个标准差，2,000 次同数量随机选取无一更接近。")
    assert "no worse than 99.9% of" in replace(chosen, percentile=0.9999).sentence()  # 100% only where it is so
    assert chosen.in_language("zh").title() == "从 31 个区域中选取 8 个"
    balance = chosen.balance().in_language("zh")
    assert "经济差异" in balance.to_string()
    assert "绝对值在 0.1 以内" in balance.note()
    assert "economic difference" in chosen.balance().to_string()
    assert chosen.in_language("zh").balance().language == "zh"


def test_without_sizes_regions_are_counted():
    chosen = choose_regions(grouped(size=None), 8, method="srs", comparisons=10, seed=1)
    assert "hold 26% of all regions" in chosen.sentence()
    assert "占全部区域的 26%" in chosen.in_language("zh").sentence()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_fills_those_chosen(language):
    frame = cities(12)
    frame["city"] = [f"城市{k}" for k in range(12)] if language == "zh" else frame["city"]
    chosen = choose_regions(grouped(frame, groups=2), 5, comparisons=10, seed=1).in_language(language)
    ax = chosen.plot(new_axes(6.5))
    drawn = {mark.get_label(): len(mark.get_offsets()) for mark in ax.collections}
    numbers = chosen.frame["group"].value_counts()
    assert {name: drawn[name] for name in ("1", "2")} == {"1": numbers[1], "2": numbers[2]}
    assert sum(drawn.values()) == 12
    written = [text.get_text() for text in ax.texts]
    assert set(chosen.frame["city"]) <= set(written)
    assert ax.get_title(loc="left") == chosen.title()
    assert ("空心：未入选" if language == "zh" else "hollow: not chosen") in [
        t.get_text() for t in ax.get_legend().get_texts()
    ]


@pytest.mark.parametrize(
    "criteria", [CRITERIA, {"flat": "income"}, {"round": ["income", "wait"]}], ids=["usual", "flat", "round"]
)
@pytest.mark.parametrize("own", [True, False])
def test_the_axes_of_the_picture_have_equal_units(criteria, own):
    """Distances in all directions compare: a point of the sheet is the same length across and up."""
    found = group_regions(cities(12), criteria, by="city", groups=2)
    if own:
        ax = found.plot(new_axes(6.5))
    else:
        figure = Figure(figsize=(9, 3))
        FigureCanvasAgg(figure)
        ax = found.plot(figure.add_subplot())
    ax.figure.canvas.draw()
    (x0, y0), (x1, y1) = ax.transData.transform([(0, 0), (1, 1)])
    assert x1 - x0 == pytest.approx(y1 - y0, rel=1e-6)
    places = np.concatenate([mark.get_offsets() for mark in ax.collections])
    assert (places[:, 1] >= ax.get_ylim()[0]).all()
    assert (places[:, 1] <= ax.get_ylim()[1]).all()
    if own:
        assert ax.bbox.height * 72 / ax.figure.dpi >= 239


def test_the_picture_of_groups_has_all_regions():
    ax = grouped(groups=3).plot(new_axes(6.5))
    places = np.concatenate([mark.get_offsets() for mark in ax.collections])
    assert len(places) == 31
    assert [mark.get_label() for mark in ax.collections] == ["1", "2", "3"]
    assert any("of the differences" in text.get_text() for text in ax.texts)


@pytest.mark.parametrize("method", ["pps", "srs", "representative"])
def test_order_of_rows_changes_no_choice(method):
    frame = cities()
    mixed = frame.sample(frac=1, random_state=2)
    mine, theirs = (choose_regions(grouped(rows), 8, method=method, comparisons=50, seed=1) for rows in (frame, mixed))
    pd.testing.assert_frame_equal(mine.frame, theirs.frame)
    assert (mine.score, mine.percentile) == (theirs.score, theirs.percentile)
