"""Weighted totals under respondents' own 100 points and under mean points; who counts where answers are missing."""

import numpy as np
import pandas as pd
import pytest

from servqual import (
    Bootstrap,
    Jackknife,
    Responses,
    SampleDesign,
    Student,
    load_instrument,
    score_gaps,
    score_performance,
)
from servqual.measures import Missing
from survey_design.errors import SpecError

ASKED = load_instrument("servqual-22")
DIMENSIONS = [dimension.id for dimension in ASKED.dimensions]
COLUMNS = {name: f"points_{name}" for name in DIMENSIONS}
ITEMS = {name: [item.id for item in ASKED.items if item.dimension == name] for name in DIMENSIONS}
REL = 1e-9


def study(n=120, seed=1, *, stores=12, lost=0.0):
    """Paired answers that differ between stores, points that go with the gaps, some answers missing at random."""
    generator = np.random.default_rng(seed)
    store = np.arange(n) % stores
    person = generator.normal(0, 0.7, n) + 0.4 * np.sin(3.0 * store)
    frame = pd.DataFrame(
        {"store": store, "tier": np.where(store % 3 == 0, "a", "b"), "w": generator.uniform(0.5, 3, n)}
    )
    for form, level in (("expectation", 5.8), ("perception", 5.0)):
        for k, column in enumerate(ASKED.columns(form).values()):
            answer = level + 0.1 * (k % 5) + person * (form == "perception") + generator.normal(0, 1, n)
            frame[column] = np.clip(np.rint(answer), 1, 7)
            frame.loc[generator.random(n) < lost, column] = np.nan
    raw = generator.dirichlet([4, 3, 3, 2, 2], n) * 80
    raw[:, 0] += 20 * (1 / (1 + np.exp(-person)))
    whole = np.floor(raw)
    whole[:, 1] += 100 - whole.sum(axis=1)
    frame[list(COLUMNS.values())] = whole
    return frame


def answers(frame, form):
    """(n, 22) answers named by item."""
    return frame[list(ASKED.columns(form).values())].set_axis(list(ASKED.columns(form)), axis=1)


def dimension_gaps(frame, rule=lambda table: table.mean(axis=1, skipna=False)):
    gap = answers(frame, "perception") - answers(frame, "expectation")
    return pd.DataFrame({name: rule(gap[ITEMS[name]]) for name in DIMENSIONS})


def weighted(gaps, place=0):
    return gaps.to_frame("total").query("total == 'weighted'").iloc[place]


# --- own points --------------------------------------------------------------------------------------------


def test_own_points_weigh_each_respondent_first():
    """sum_d points_d (P_d - E_d) / 100 per person, then the mean and its textbook error."""
    frame = study(lost=0.01)
    frame.loc[[3, 4], COLUMNS["empathy"]] += [5, -1]  # 105, and 99: not 100
    row = weighted(score_gaps(Responses(frame, ASKED), importance=COLUMNS))
    points = frame[list(COLUMNS.values())].to_numpy()
    score = (dimension_gaps(frame) * points).sum(axis=1, skipna=False) / 100
    score = score[(points.sum(axis=1) == 100)].dropna()
    assert row["n"] == len(score) < 118
    assert row["gap"] == pytest.approx(score.mean(), rel=REL)
    assert row["se"] == pytest.approx(score.std() / np.sqrt(len(score)), rel=REL)
    assert row["perception"] - row["expectation"] == pytest.approx(row["gap"], rel=REL)


def test_own_points_respect_weights_clusters_and_groups():
    frame = study(seed=2)
    design = SampleDesign(clusters="store", weight="w")
    gaps = score_gaps(Responses(frame, ASKED, design), importance=COLUMNS, by="tier")
    score = (dimension_gaps(frame) * frame[list(COLUMNS.values())].to_numpy()).sum(axis=1) / 100
    for k, tier in enumerate(gaps.basis.labels):
        inside = frame["tier"] == tier[0]
        mean = np.average(score[inside], weights=frame["w"][inside])
        u = (frame["w"] * (score - mean))[inside].groupby(frame["store"]).sum() / frame["w"][inside].sum()
        clusters = len(u)
        total = np.r_[u, np.zeros(12 - clusters)]  # stores without anybody of the tier stay
        se = np.sqrt(12 / 11 * ((total - total.mean()) ** 2).sum())
        row = weighted(gaps, k)
        assert (row["gap"], row["se"]) == (pytest.approx(mean, rel=REL), pytest.approx(se, rel=REL))


def test_equal_points_of_everybody_give_the_mean_total_exactly():
    frame = study().assign(**dict.fromkeys(COLUMNS.values(), 20))
    for points in ("own", "mean"):
        gaps = score_gaps(Responses(frame, ASKED, SampleDesign(clusters="store")), importance=COLUMNS, points=points)
        totals = gaps.to_frame("total").set_index("total")
        numbers = ["expectation", "perception", "gap", "se", "low", "high", "df", "p"]
        assert totals.loc["weighted", numbers].tolist() == pytest.approx(totals.loc["mean", numbers].tolist(), rel=REL)


def test_own_points_count_also_for_performance_and_one_fixed_level():
    frame = study(lost=0.02)
    points = frame[list(COLUMNS.values())].to_numpy() / 100
    perceived = pd.DataFrame({d: answers(frame, "perception")[ITEMS[d]].mean(axis=1, skipna=False) for d in DIMENSIONS})
    score = (perceived * points).sum(axis=1, skipna=False).dropna()
    performance = score_performance(Responses(frame, ASKED), importance=COLUMNS).total.to_frame()
    assert performance.set_index("total").loc["weighted", "perception"] == pytest.approx(score.mean(), rel=REL)
    fixed = weighted(score_gaps(Responses(frame, ASKED), importance=COLUMNS, expected=6))
    assert (fixed["expectation"], fixed["gap"]) == (pytest.approx(6), pytest.approx(score.mean() - 6, rel=REL))
    levels = {item.id: 6.0 if item.dimension == "empathy" else 5.5 for item in ASKED.items}
    mean = score_gaps(Responses(frame, ASKED), importance=COLUMNS, expected=levels)
    assert "mean importance points" in mean.total.note()
    with pytest.raises(SpecError, match="fixed expected levels must be the same"):
        score_gaps(Responses(frame, ASKED), importance=COLUMNS, expected=levels, points="own")


def test_the_table_says_which_points_weigh_in_both_languages():
    responses = Responses(study(), ASKED)
    own, mean = (score_gaps(responses, importance=COLUMNS, points=points) for points in ("own", "mean"))
    assert "each respondent's own 100 points weigh their scores, 120 respondents (0 left out" in own.total.note()
    assert "以受访者本人的 100 分为权数，共 120 位" in own.in_language("zh").total.note()
    assert "mean importance points of 120 respondents" in mean.total.note()
    assert "其误差已计入区间" in mean.in_language("zh").total.note()
    assert own.effects.frame.set_index("measure").loc["weighted", "remark"] == "own points"


def test_points_are_refused_where_they_cannot_weigh():
    with pytest.raises(SpecError, match="needs the columns"):
        score_gaps(Responses(study(), ASKED), importance=dict.fromkeys(DIMENSIONS, 20), points="own")
    with pytest.raises(SpecError, match="mixes columns and numbers"):
        score_gaps(Responses(study(), ASKED), importance={**dict.fromkeys(DIMENSIONS, 20), "empathy": "points_empathy"})
    with pytest.raises(SpecError, match="points='mine' is not known"):
        score_gaps(Responses(study(), ASKED), importance=COLUMNS, points="mine")


# --- mean points -------------------------------------------------------------------------------------------


def mean_points_by_hand(frame, weight, inside):
    """Estimate and influence of sum_d mean(share_d) gap_d, written out from the definition."""
    shares = frame[list(COLUMNS.values())].to_numpy() / 100
    gap, w = dimension_gaps(frame).to_numpy(), weight * inside
    mean_share = np.average(shares, axis=0, weights=weight)
    mean_gap = np.average(gap, axis=0, weights=w)
    total = mean_share @ mean_gap
    influence = w[:, None] * (gap - mean_gap) / w.sum() @ mean_share
    influence += weight * ((shares - mean_share) @ mean_gap) / weight.sum()
    return total, influence


def test_the_error_of_mean_points_is_part_of_the_interval():
    frame, one = study(), np.ones(120)
    row = weighted(score_gaps(Responses(frame, ASKED), importance=COLUMNS, points="mean"))
    total, influence = mean_points_by_hand(frame, one, one)
    assert row["gap"] == pytest.approx(total, rel=REL)
    assert row["se"] == pytest.approx(np.sqrt(120 / 119 * (influence**2).sum()), rel=1e-8)
    known = score_gaps(
        Responses(frame, ASKED), importance=dict(zip(DIMENSIONS, frame[list(COLUMNS.values())].mean(), strict=True))
    )
    assert weighted(known)["gap"] == pytest.approx(total, rel=1e-7)
    assert abs(row["se"] / weighted(known)["se"] - 1) > 1e-4, "the points' own error matters"


@pytest.mark.parametrize("tier", ["a", "b"])
def test_mean_points_of_everybody_weigh_in_every_group(tier):
    """Points are those of all respondents, also in the row of a group; clusters are counted."""
    frame = study(seed=3)
    design = SampleDesign(clusters="store", weight="w")
    gaps = score_gaps(Responses(frame, ASKED, design), importance=COLUMNS, points="mean", by="tier")
    row = weighted(gaps, [label[0] for label in gaps.basis.labels].index(tier))
    total, influence = mean_points_by_hand(frame, frame["w"].to_numpy(), (frame["tier"] == tier).to_numpy())
    u = pd.Series(influence).groupby(frame["store"]).sum()
    assert row["gap"] == pytest.approx(total, rel=REL)
    assert row["se"] == pytest.approx(np.sqrt(12 / 11 * ((u - u.mean()) ** 2).sum()), rel=1e-8)
    assert np.isnan(row["deff"])


def test_replicates_estimate_the_points_again():
    """A jackknife, which computes everything anew without each store, agrees with the linearised error."""
    responses = Responses(study(400, seed=4, stores=40), ASKED, SampleDesign(clusters="store", weight="w"))
    rows = [weighted(score_gaps(responses, importance=COLUMNS, points="mean", interval=interval))
            for interval in (None, Jackknife(), Bootstrap(4000, seed=1))]  # fmt: skip
    assert rows[1]["se"] == pytest.approx(rows[0]["se"], rel=0.01)
    assert rows[2]["se"] == pytest.approx(rows[0]["se"], rel=0.04)


def test_points_of_the_expectation_survey_weigh_as_means():
    """Different people: points can only be averaged; their error joins that of the two samples."""
    whole = study(seed=5)
    expected = Responses(whole.drop(columns=list(ASKED.columns("perception").values())), ASKED)
    found = study(seed=6).drop(columns=[*ASKED.columns("expectation").values(), *COLUMNS.values()])
    joined = Responses(found, ASKED).joined_with(expected)
    row = weighted(score_gaps(joined, importance=COLUMNS, interval=Student()))
    shares = whole[list(COLUMNS.values())].to_numpy() / 100
    p, e = (pd.DataFrame({d: answers(frame, form)[ITEMS[d]].mean(axis=1) for d in DIMENSIONS}).to_numpy()
            for frame, form in ((found, "perception"), (whole, "expectation")))  # fmt: skip
    gap = p.mean(axis=0) - e.mean(axis=0)
    mine = (p - p.mean(axis=0)) @ shares.mean(axis=0)
    theirs = -(e - e.mean(axis=0)) @ shares.mean(axis=0) + (shares - shares.mean(axis=0)) @ gap
    assert row["gap"] == pytest.approx(shares.mean(axis=0) @ gap, rel=REL)
    assert row["se"] == pytest.approx(np.sqrt(((mine**2).sum() + (theirs**2).sum()) / (119 * 120)), rel=1e-8)
    with pytest.raises(SpecError, match="must also have rated the service"):
        score_gaps(joined, importance=COLUMNS, points="own")


# --- missing answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("minimum", [0.5, 0.75, 1.0])
def test_available_items_are_averaged_where_enough_are_there(minimum):
    frame = study(lost=0.05)
    gaps = score_gaps(Responses(frame, ASKED), missing="available", minimum=minimum)

    def rule(table):
        return table.mean(axis=1).where(table.notna().mean(axis=1) >= minimum)

    by_person = dimension_gaps(frame, rule)
    table = gaps.to_frame().set_index("dimension")
    for name in DIMENSIONS:
        column = by_person[name].dropna()
        assert table.loc[name, "n"] == len(column)
        assert table.loc[name, "gap"] == pytest.approx(column.mean(), rel=REL)
        assert table.loc[name, "se"] == pytest.approx(column.std() / np.sqrt(len(column)), rel=REL)
    total = gaps.to_frame("total").set_index("total")
    persons = by_person.mean(axis=1, skipna=False).dropna()
    assert (total.loc["mean", "n"], total.loc["mean", "gap"]) == (len(persons), pytest.approx(persons.mean(), rel=REL))


def test_items_are_never_filled_in():
    frame = study(lost=0.15)
    filled, plain = (
        score_gaps(Responses(frame, ASKED), missing=rule).to_frame("items") for rule in ("available", "pairwise")
    )
    pd.testing.assert_frame_equal(filled, plain)


def test_all_items_required_is_the_same_as_pairwise():
    frame = study(lost=0.1)
    strict = score_gaps(Responses(frame, ASKED), missing="available", minimum=1.0).to_frame()
    pairwise = score_gaps(Responses(frame, ASKED)).to_frame()
    pd.testing.assert_frame_equal(strict, pairwise, rtol=1e-12)


@pytest.mark.parametrize("rule", ["available", "complete", "pairwise"])
def test_without_gaps_the_rule_makes_no_difference(rule):
    frame = study()
    design = SampleDesign(clusters="store", weight="w")
    first, second = (score_gaps(Responses(frame, ASKED, design), missing=r, by="tier") for r in (rule, "pairwise"))
    assert first.dimensions.to_csv() == second.dimensions.to_csv()
    pd.testing.assert_frame_equal(first.effects.frame, second.effects.frame)


def test_complete_answers_only_is_dropping_the_others():
    frame = study(lost=0.02)
    items = [*ASKED.columns("expectation").values(), *ASKED.columns("perception").values()]
    whole = frame.dropna(subset=items)
    assert 20 < len(whole) < 100
    ours = score_gaps(Responses(frame, ASKED), missing="complete", by="tier")
    theirs = score_gaps(Responses(whole, ASKED), by="tier")
    for table in ("items", "dimensions", "total"):
        mine, other = (
            scores.to_frame(table).sort_values(["tier"], kind="stable", ignore_index=True) for scores in (ours, theirs)
        )
        pd.testing.assert_frame_equal(mine, other, rtol=1e-9)
    assert set(ours.to_frame("items")["n"]) == set(whole["tier"].value_counts())


def test_signed_ranks_follow_the_rule():
    """Ranks of person means, as scipy sees them."""
    from scipy.stats import wilcoxon

    frame = study(lost=0.1)
    effects = score_gaps(Responses(frame, ASKED), missing="available").effects.frame.set_index("measure")
    by_person = dimension_gaps(frame, lambda t: t.mean(axis=1).where(t.notna().mean(axis=1) >= 0.5))
    column = (by_person["assurance"].dropna() * 60).round()
    expected = wilcoxon(column[column != 0], correction=True, mode="approx")
    ranks = column[column != 0].abs().rank()
    assert effects.loc["assurance", "wilcoxon_v"] == pytest.approx(ranks[column[column != 0] > 0].sum())
    assert effects.loc["assurance", "wilcoxon_p"] == pytest.approx(expected.pvalue, rel=1e-6)


def test_every_table_says_the_rule_in_both_languages():
    responses = Responses(study(lost=0.05), ASKED)
    said = {"pairwise": ("those who answered all that it needs", "答完其所需全部题项者"),
            "complete": ("only respondents who answered every item", "仅计入答完全部题项的受访者"),
            "available": ("if at least 50% of them were", "至少答 50% 的题项")}  # fmt: skip
    for rule, (english, chinese) in said.items():
        gaps = score_gaps(responses, missing=rule)
        assert english in gaps.note()
        assert chinese in gaps.in_language("zh").items.note()


@pytest.mark.parametrize(("rule", "minimum"), [("listwise", 0.5), ("available", 0), ("available", 1.2)])
def test_unknown_rules_are_refused(rule, minimum):
    with pytest.raises(SpecError, match=r"missing|minimum"):
        Missing(rule, minimum)


# --- what points must not change, and what they rest on -----------------------------------------------------


def different_people(n=160):
    """Perceptions in two tiers, and expectations with points, of other people; both in three regions."""
    expected, found = study(n, seed=7, lost=0.02), study(n, seed=8, lost=0.02)
    for frame, seed in ((expected, 1), (found, 2)):
        frame["region"] = np.random.default_rng(seed).choice(["e", "s", "w"], n)
    expected = expected.drop(columns=[*ASKED.columns("perception").values(), "tier"])
    return found.drop(columns=[*ASKED.columns("expectation").values(), *COLUMNS.values()]), expected


@pytest.mark.parametrize("interval", [None, Student(), Jackknife()], ids=repr)
def test_columns_of_points_change_no_other_row(interval):
    """The point columns add a row; every other number, errors, df and deff included, stays as it was."""
    found, expected = different_people()
    design = SampleDesign(clusters="store", weight="w")
    joined = Responses(found, ASKED, design).joined_with(Responses(expected, ASKED, design))
    options = {"by": "tier", "match": "region", "interval": interval}
    plain, weighed = score_gaps(joined, **options), score_gaps(joined, importance=COLUMNS, **options)
    for table in ("dimensions", "items", "total"):
        other = weighed.to_frame(table)
        kept = other[other[other.columns[1]] != "weighted"].reset_index(drop=True)
        pd.testing.assert_frame_equal(plain.to_frame(table), kept, rtol=1e-10)


def skipped(n=400, seed=9):
    """Most people skip one tangibles item, so that the total rests on few; points of two camps."""
    frame = study(n, seed=seed, stores=40)
    generator = np.random.default_rng(seed)
    skip = (generator.random(n) < 0.6) & (frame["P_TAN1"] > 3)
    frame.loc[skip, "P_TAN1"] = np.nan
    camp = np.where(generator.random(n) < 0.5, 60, 20)
    rest = (100 - camp) // 4
    for name in DIMENSIONS[1:]:
        frame[COLUMNS[name]] = rest
    frame[COLUMNS[DIMENSIONS[0]]] = 100 - 4 * rest
    return frame


def total_again(frame):
    """The definition: mean shares of all, times dimension gaps of those who answered everything."""
    gap = dimension_gaps(frame).dropna()
    weight = frame.loc[gap.index, "w"]
    share = np.average(frame[list(COLUMNS.values())] / 100, axis=0, weights=frame["w"])
    return share @ np.average(gap, axis=0, weights=weight)


def test_mean_points_rest_on_those_who_answered_all_and_so_does_their_error():
    """A jackknife that starts from the raw rows, in plain pandas, one store left out at a time."""
    frame = skipped()
    responses = Responses(frame, ASKED, SampleDesign(clusters="store", weight="w"))
    row = weighted(score_gaps(responses, importance=COLUMNS, points="mean"))
    assert row["gap"] == pytest.approx(total_again(frame), rel=1e-8)
    left = np.array([total_again(frame[frame["store"] != store]) for store in range(40)])
    jackknife = np.sqrt(39 / 40 * ((left - left.mean()) ** 2).sum())
    replicated = weighted(score_gaps(responses, importance=COLUMNS, points="mean", interval=Jackknife()))
    assert replicated["se"] == pytest.approx(jackknife, rel=1e-6)
    assert row["se"] == pytest.approx(jackknife, rel=0.05)


def test_mean_points_beside_another_file_are_recomputed_too():
    """The same for two files matched by region: stores of both left out one at a time."""
    found, expected = different_people(240)
    design = SampleDesign(clusters="store", weight="w")

    def gaps(drop, interval=None):
        sides = [Responses(frame[~frame["store"].isin(drop)], ASKED, design) for frame in (found, expected)]
        return score_gaps(
            sides[0].joined_with(sides[1]), by="tier", match="region", importance=COLUMNS, interval=interval
        )

    def by_tier(scores, name):
        return scores.to_frame("total").query("total == 'weighted'").set_index("tier").loc[["a", "b"], name].to_numpy()

    left = np.array([by_tier(gaps([store]), "gap") for store in range(12)])
    jackknife = np.sqrt(11 / 12 * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    assert by_tier(gaps([], Jackknife()), "se") == pytest.approx(jackknife, rel=1e-6)
