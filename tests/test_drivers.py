"""What drives an outcome: shares of R² by two methods, their errors and ranks, penalties and rewards.

Authorities, and the tolerance each is held to:

* R's ``relaimpo`` 2.2.7 and ``rwa`` 0.1.0 on four data sets kept beside the project: 1e-9.
* mtcars, published with the two methods side by side: four decimals, and the order that they differ in.
* statsmodels OLS: R² of every one of the 2^p sub-models, averaged over all orders of entry; penalties and rewards: 1e-9.
* tests/reference/drivers.toml (R 4.2.2, survey 4.1: ``svycontrast`` of totals, ``svyglm``), a stratified cluster sample with
  weights, also with a single-cluster stratum: 1e-9 relative. With two drivers Shapley's and Johnson's shares are the same number.
* A jackknife written out, cluster by cluster, from the rows.

Below these stand identities and hostile input.
"""

from __future__ import annotations

import tomllib
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from servqual import Bootstrap, Jackknife, Responses, SampleDesign, Student, Taylor, load_instrument
from servqual.drivers import drivers, johnson_shares, penalty_reward, shapley_shares
from servqual.drivers.asymmetry import usual_cuts
from servqual.drivers.shares import condition_number, explained_by_subsets, inflation
from servqual.pulled import pulled_draws
from survey_design import DataError, SpecError

REFERENCE = Path(__file__).parent / "reference"
R = tomllib.loads((REFERENCE / "drivers.toml").read_text(encoding="utf-8"))
DESIGN = SampleDesign("stratum", "cluster", "weight")
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=15, deadline=None)
QUICK = Bootstrap(200, seed=3)

MTCARS = pd.DataFrame({
    "mpg": [21, 21, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 32.4, 30.4, 33.9, 21.5,
            15.5, 15.2, 13.3, 19.2, 27.3, 26, 30.4, 15.8, 19.7, 15, 21.4],
    "cyl": [6, 6, 4, 6, 8, 6, 8, 4, 4, 6, 6, 8, 8, 8, 8, 8, 8, 4, 4, 4, 4, 8, 8, 8, 8, 4, 4, 4, 8, 6, 8, 4],
    "disp": [160, 160, 108, 258, 360, 225, 360, 146.7, 140.8, 167.6, 167.6, 275.8, 275.8, 275.8, 472, 460, 440, 78.7, 75.7, 71.1, 120.1,
             318, 304, 350, 400, 79, 120.3, 95.1, 351, 145, 301, 121],
    "hp": [110, 110, 93, 110, 175, 105, 245, 62, 95, 123, 123, 180, 180, 180, 205, 215, 230, 66, 52, 65, 97, 150, 150, 245, 175, 66, 91,
           113, 264, 175, 335, 109],
    "gear": [4, 4, 4, 3, 3, 3, 3, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 4, 4, 4, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 5, 4],
})  # fmt: skip
CARS = ["cyl", "disp", "hp", "gear"]


def correlated(seed: int, p: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Correlations of p drivers that overlap, and with an outcome."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) + rng.normal(size=(n, 1))
    y = x @ rng.normal(size=p) + 2 * rng.normal(size=n)
    whole = np.corrcoef(np.column_stack([x, y]).T)
    return whole[:-1, :-1], whole[:-1, -1]


def customers(seed: int, n: int = 300, p: int = 4) -> pd.DataFrame:
    """Respondents in stores with a mood in common."""
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=(n, 1))
    data = pd.DataFrame(mood + rng.normal(size=(n, p)), columns=[f"d{k}" for k in range(p)])
    data["y"] = data @ (0.5 ** np.arange(p)) + rng.normal(size=n)
    return data.assign(store=np.arange(n) % 20, weight=rng.integers(1, 5, n) / 2, tier=np.arange(n) // 2 % 2)


# --- other programs ----------------------------------------------------------------------------------------


def case(shared, name: str) -> tuple[pd.DataFrame, list[str]]:
    """One data set of the reference, with the outcome as y."""
    if name == "attitude":
        data = shared.frame("attitude.csv").rename(columns={"rating": "y"})
    elif name == "mobi":
        data = shared.frame("mobi_ecsi.csv").rename(columns={"CUSA1": "y"})[["y", *(f"PERQ{k}" for k in range(1, 8))]]
    elif name == "bank":
        bank = shared.frame("bank_satisfaction.csv")
        places = {"IMAG": (0, 5), "EXPE": (5, 10), "QUAL": (10, 15), "VAL": (15, 19), "y": (19, 23)}
        data = pd.DataFrame({label: bank.iloc[:, a:b].mean(axis=1) for label, (a, b) in places.items()})
    else:
        kiosk = shared.frame("kiosk_servqual.csv")
        items = {"tangibles": [4, 5, 6, 22], "security": [19, 20, 21], "economy": [10, 11, 18], "convenience": [13, 14, 15, 16, 17],
                 "usefulness": [1, 2, 3], "control": [7, 8]}  # fmt: skip
        data = pd.DataFrame(
            {label: kiosk[[f"P{k:02d}" for k in places]].mean(axis=1) for label, places in items.items()}
        )
        data["y"] = kiosk["SAT1"]
    return data, [column for column in data if column != "y"]


@pytest.mark.parametrize("name", ["attitude", "mobi", "bank", "kiosk"])
def test_shares_of_relaimpo_and_rwa(shared, name):
    data, names = case(shared, name)
    wanted = shared.oracle("importance.json")["results"][name]
    found = {
        method: drivers(data, outcome="y", drivers=names, method=method, interval=Student())
        for method in ("shapley", "johnson")
    }
    table = found["shapley"].frame.set_index("driver")
    ours = {"lmg": table["importance"], "johnson_raw": found["johnson"].frame.set_index("driver")["importance"], "std_beta": table["beta"],
            "zero_order_r": table["r"], "vif": table["vif"], "lmg_percent": 100 * table["share"], "first": table["r"] ** 2,
            "pratt": table["r"] * table["beta"]}  # fmt: skip
    for key, values in ours.items():
        assert values.to_dict() == pytest.approx(wanted[key], abs=1e-9 * max(1, max(map(abs, wanted[key].values())))), (
            key
        )
    np.testing.assert_allclose(table["johnson"], ours["johnson_raw"], rtol=1e-12)
    assert found["shapley"].fit.loc[0, "r2"] == pytest.approx(wanted["r2"], abs=1e-9)
    assert table["n"].unique().tolist() == [wanted["n"]]


def test_two_methods_rank_the_cars_differently():
    found = {
        method: drivers(MTCARS, outcome="mpg", drivers=CARS, method=method, interval=Student())
        for method in ("shapley", "johnson")
    }
    assert found["shapley"].frame["importance"].round(4).tolist() == [0.2471, 0.2435, 0.2109, 0.0777]
    assert found["johnson"].frame["importance"].round(4).tolist() == [0.2285, 0.2221, 0.2322, 0.0964]
    assert found["shapley"].ranking()[0] == "cyl"
    assert found["johnson"].ranking()[0] == "hp"
    assert (100 * found["johnson"].frame["share"]).round(1).tolist() == [29.3, 28.5, 29.8, 12.4]


def test_every_order_of_entry_written_out():
    gains = dict.fromkeys(CARS, 0.0)
    for order in permutations(CARS):
        before = 0.0
        for k in range(4):
            r2 = sm.OLS(MTCARS["mpg"], sm.add_constant(MTCARS[list(order[: k + 1])])).fit().rsquared
            gains[order[k]] += (r2 - before) / 24
            before = r2
    whole = MTCARS[[*CARS, "mpg"]].corr().to_numpy()
    assert shapley_shares(whole[:4, :4], whole[:4, 4]) == pytest.approx(list(gains.values()), abs=1e-12)


@FEW
@given(SEEDS, st.integers(1, 6))
def test_every_sub_model_has_the_share_that_its_regression_has(seed, p):
    between, shared = correlated(seed, p)
    found = explained_by_subsets(between[None], shared[None])[:, 0]
    for code in range(2**p):
        inside = [k for k in range(p) if code >> k & 1]
        wanted = shared[inside] @ np.linalg.solve(between[np.ix_(inside, inside)], shared[inside]) if inside else 0.0
        assert found[code] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("block", ["strata_a_b", "all_adjust"])
@pytest.mark.parametrize("method", ["shapley", "johnson"])
def test_errors_under_a_design_are_those_of_r(block, method):
    data = pd.read_csv(REFERENCE / "design_small.csv")
    data = data if block == "all_adjust" else data[data["stratum"] != "C"]
    found = drivers(
        data, outcome="y", drivers=["x", "gap1"], method=method, design=DESIGN, interval=Taylor()
    ).frame.set_index("driver")
    half = {name: (found.loc[name, "beta_high"] - found.loc[name, "beta_low"]) / 2 for name in found.index}
    student = 2.44691185114497  # qt(0.975, 6)
    for name in ("x", "gap1"):
        assert list(found.loc[name, ["importance", "se"]]) == pytest.approx(R[block][f"share_{name}"], rel=1e-8)
        assert [found.loc[name, "beta"], half[name] / student] == pytest.approx(R[block][f"beta_{name}"], rel=1e-8)
    assert found.loc["x", "share"] == pytest.approx(R[block]["part_x"][0], rel=1e-9)
    high = R[block]["part_x"][0] + student * R[block]["part_x"][1]
    assert found.loc["x", "share_high"] == pytest.approx(high, rel=1e-8)
    assert found["df"].tolist() == [R[block]["df"]] * 2


@pytest.mark.parametrize("method", ["shapley", "johnson"])
def test_a_jackknife_written_out(method):
    data = customers(5, n=120)
    names = ["d0", "d1", "d2", "d3"]
    found = drivers(data, outcome="y", drivers=names, method=method, design=SampleDesign(clusters="store", weight="weight"),
                    interval=Jackknife())  # fmt: skip
    kernel = {"shapley": shapley_shares, "johnson": johnson_shares}[method]

    def shares(part: pd.DataFrame) -> np.ndarray:
        covariance = np.cov(part[[*names, "y"]].T, aweights=part["weight"])
        size = np.sqrt(np.diag(covariance))
        whole = covariance / np.outer(size, size)
        return kernel(whole[:4, :4], whole[:4, 4])

    left = np.array([shares(data[data["store"] != store]) for store in range(20)])
    wanted = np.sqrt(19 / 20 * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    assert found.frame["se"].to_numpy() == pytest.approx(wanted, rel=1e-9)
    assert found.frame["importance"].to_numpy() == pytest.approx(shares(data), rel=1e-9)


def test_replicates_and_linearisation_agree_in_a_large_sample():
    data = customers(2, n=3000).assign(store=lambda frame: np.arange(len(frame)) % 100)
    names = ["d0", "d1", "d2", "d3"]
    errors = {type(how).__name__: drivers(data, outcome="y", drivers=names, design=SampleDesign(clusters="store"), interval=how).frame["se"]
              for how in (Bootstrap(2000, seed=1), Taylor())}  # fmt: skip
    np.testing.assert_allclose(errors["Bootstrap"], errors["Taylor"], rtol=0.08)


def test_penalties_of_statsmodels():
    data = customers(7)
    found = penalty_reward(data, outcome="y", drivers=["d0", "d1"], low=-0.5, high=0.8).frame.set_index("driver")
    marks = pd.DataFrame({f"{name}{end}": (data[name] <= -0.5 if end == "low" else data[name] >= 0.8).astype(float)
                          for name in ("d0", "d1") for end in ("low", "high")})  # fmt: skip
    fit = sm.OLS(data["y"], sm.add_constant(marks)).fit(cov_type="HC0")
    contrast = fit.t_test("d0low + d0high = 0")
    assert found.loc["d0", "penalty"] == pytest.approx(fit.params["d0low"], abs=1e-9)
    assert found.loc["d1", "reward"] == pytest.approx(fit.params["d1high"], abs=1e-9)
    assert found.loc["d0", "asymmetry"] == pytest.approx(float(contrast.effect[0]), abs=1e-9)
    assert found.loc["d0", ["n_low", "n_high"]].tolist() == [marks["d0low"].sum(), marks["d0high"].sum()]


@pytest.mark.parametrize("block", ["strata_a_b", "all_adjust"])
def test_penalties_under_a_design_are_those_of_r(block):
    data = pd.read_csv(REFERENCE / "design_small.csv")
    data = data if block == "all_adjust" else data[data["stratum"] != "C"]
    found = penalty_reward(
        data, outcome="y", drivers=["x", "gap1"], low={"x": 5, "gap1": -1}, high={"x": 7, "gap1": 1}, design=DESIGN
    )
    student = 2.44691185114497
    for name, short in (("x", "x"), ("gap1", "gap")):
        row = found.row(name)
        if row["reason"]:
            assert row["reason"] == "few at an end"
            continue
        for ours, theirs in (("penalty", "low"), ("reward", "high"), ("asymmetry", "sum")):
            error = (row[f"{ours}_high"] - row[f"{ours}_low"]) / 2 / student
            assert [row[ours], error] == pytest.approx(R[block][f"{short}_{theirs}"], rel=1e-8)
    assert not found.frame["reason"].any()


# --- identities --------------------------------------------------------------------------------------------


@FEW
@given(SEEDS, st.integers(1, 8))
def test_shares_add_up_to_what_all_explain_and_none_is_negative(seed, p):
    between, shared = correlated(seed, p)
    whole = shared @ np.linalg.solve(between, shared)
    for kernel in (shapley_shares, johnson_shares):
        shares = kernel(between, shared)
        assert shares.sum() == pytest.approx(whole, abs=1e-9)
        assert (shares > -1e-12).all()


@FEW
@given(SEEDS)
def test_order_does_not_matter_and_many_at_once_are_the_same(seed):
    between, shared = correlated(seed, 6)
    order = np.random.default_rng(seed).permutation(6)
    for kernel in (shapley_shares, johnson_shares):
        shares = kernel(between, shared)
        np.testing.assert_allclose(kernel(between[np.ix_(order, order)], shared[order]), shares[order], atol=1e-10)
        stacked = kernel(np.stack([between] * 11), np.stack([shared] * 11))
        np.testing.assert_allclose(stacked, np.tile(shares, (11, 1)), atol=1e-12)


def test_drivers_that_do_not_overlap_have_their_squared_correlation():
    shared = np.array([0.6, -0.5, 0.3])
    for kernel in (shapley_shares, johnson_shares):
        np.testing.assert_allclose(kernel(np.eye(3), shared), shared**2, atol=1e-12)


def test_copies_share_alike_and_a_driver_without_any_part_gets_nothing_of_its_own():
    one, r = 0.4, 0.5
    between = np.array([[1.0, 1.0, one], [1.0, 1.0, one], [one, one, 1.0]])
    shared = np.array([0.6, 0.6, r])
    pair = shapley_shares(np.array([[1.0, one], [one, 1.0]]), np.array([0.6, r]))
    for kernel in (shapley_shares, johnson_shares):
        shares = kernel(between, shared)
        assert shares[0] == pytest.approx(shares[1], abs=1e-9)
        assert shares.sum() == pytest.approx(pair.sum(), abs=1e-9)
    assert np.isinf(inflation(between)[:2]).all()
    assert inflation(between)[2] == pytest.approx(1 / (1 - one**2))
    assert condition_number(between) == np.inf


@FEW
@given(SEEDS)
def test_units_and_direction_do_not_matter(seed):
    data = customers(seed % 1000, n=80)
    names = ["d0", "d1", "d2"]
    before = drivers(data, outcome="y", drivers=names, interval=QUICK).frame
    turned = data.assign(d0=3 - 10 * data["d0"], y=100 + 7 * data["y"])
    after = drivers(turned, outcome="y", drivers=names, interval=QUICK).frame
    for name in ("importance", "share", "low", "high", "first", "rank"):
        np.testing.assert_allclose(after[name], before[name], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(after["beta"], before["beta"] * [-1, 1, 1], rtol=1e-7)


@FEW
@given(SEEDS)
def test_chances_of_ranks_add_up(seed):
    found = drivers(
        customers(seed % 1000, n=60, p=5), outcome="y", drivers=[f"d{k}" for k in range(5)], interval=QUICK
    ).frame
    assert found["first"].sum() == pytest.approx(1)
    assert found["top3"].sum() == pytest.approx(3)
    assert sorted(found["rank"]) == [1, 2, 3, 4, 5]
    assert ((found["rank_low"] <= found["rank"]) & (found["rank"] <= found["rank_high"])).all()
    assert found.sort_values("rank")["importance"].is_monotonic_decreasing
    assert (found["low"] >= 0).all()


def test_chances_from_draws_come_near_those_of_replicates():
    data, names = customers(11, n=800), ["d0", "d1", "d2", "d3"]
    both = [drivers(data, outcome="y", drivers=names, interval=how) for how in (Bootstrap(2000, seed=2), Taylor())]
    np.testing.assert_allclose(both[0].frame["first"], both[1].frame["first"], atol=0.06)
    assert (both[0].replicated, both[1].replicated) == (True, False)
    assert "20,000 draws" in both[1].note()


def test_pulled_draws_are_those_of_the_stores_model_where_errors_are_independent():
    rng = np.random.default_rng(21)
    value, v = np.array([0.02, 0.05, 0.11, 0.16, 0.20, 0.31]), np.array([4, 3, 5, 4, 6, 5.0]) * 1e-4
    drawn = pulled_draws(value, np.diag(v), 1e6, 200_000, seed=4)
    # textbook: given τ the posterior of Fay and Herriot; τ flat, summed over a fine grid of its own
    tau = np.linspace(1e-4, 1.5, 4_000)
    w = 1 / (v + tau[:, None] ** 2)
    m = (w * value).sum(axis=1) / w.sum(axis=1)
    log = 0.5 * np.log(w).sum(axis=1) - 0.5 * np.log(w.sum(axis=1)) - 0.5 * (w * (value - m[:, None]) ** 2).sum(axis=1)
    chance = np.exp(log - log.max())
    chance /= chance.sum()
    own = tau[:, None] ** 2 * w
    mean = own * value + (1 - own) * m[:, None]
    spread = own * v + (1 - own) ** 2 / w.sum(axis=1)[:, None]
    whole = chance @ mean
    np.testing.assert_allclose(drawn.mean(axis=0), whole, atol=0.0008)
    np.testing.assert_allclose(drawn.std(axis=0), np.sqrt(chance @ (spread + (mean - whole) ** 2)), rtol=0.03)
    free = pulled_draws(
        value + rng.normal(0, 1, 6), np.diag(v) * 1e-4, 1e6, 20_000, seed=4
    )  # hardly any error: nothing to pull
    np.testing.assert_allclose(free.std(axis=0), np.sqrt(v * 1e-4), rtol=0.05)


def test_chances_to_be_first_come_true_where_drivers_nearly_tie():
    """True importance close together, errors as large as its spread and correlated: of 80% statements some 80% must come true."""
    rng, p, studies = np.random.default_rng(22), 6, 1_500
    error = 0.04**2 * (0.8 * np.eye(p) - 0.1 + 0.3 * np.eye(p))
    said: dict[str, list[float]] = {"pulled": [], "raw": []}
    true: list[bool] = []
    for k in range(studies):
        truth = 0.15 + 0.035 * rng.standard_normal(p)
        value = rng.multivariate_normal(truth, error)
        true += (np.arange(p) == truth.argmax()).tolist()
        raw = rng.multivariate_normal(value, error, 1_000)
        for name, drawn in (("pulled", pulled_draws(value, error, 199.0, 1_000, seed=k)), ("raw", raw)):
            said[name] += np.bincount(drawn.argmax(axis=1), minlength=p).astype(float).tolist()
    came = np.array(true)
    found = {}
    for name, chances in said.items():
        share = np.array(chances) / 1_000
        some = (share > 0.7) & (share < 0.9)
        found[name] = (int(some.sum()), float(share[some].mean()), float(came[some].mean()))
    n, stated, right = found["pulled"]
    assert n > 100
    assert abs(stated - right) < 0.08, found
    n, stated, right = found["raw"]
    assert stated - right > 0.08, found  # why replicates are not read as chances


def test_what_the_chances_rest_on_is_said():
    four = drivers(customers(1, n=100, p=4), outcome="y", drivers=["d0", "d1", "d2", "d3"], interval=QUICK)
    assert "all drivers pulled towards their mean as far as their errors ask" in four.note()
    assert "按其误差向均值收缩" in four.in_language("zh").note()
    three = drivers(customers(1, n=100), outcome="y", drivers=["d0", "d1", "d2"], interval=QUICK)
    assert "ranks and chances are shares of the replicates" in three.note()


def test_the_same_seed_gives_the_same_numbers_and_all_defaults_are_stated():
    data, names = customers(1, n=100), ["d0", "d1", "d2"]
    first, again = (drivers(data, outcome="y", drivers=names) for _ in range(2))
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert "2,000 replicates, seed 0" in first.note()
    large = pd.concat([data] * 101, ignore_index=True)
    assert "bootstrap" not in drivers(large, outcome="y", drivers=names).note()  # too many to be resampled one by one


@pytest.mark.parametrize("options", [{}, {"by": "tier"}, {"design": SampleDesign("tier", "store", "weight")}])
@pytest.mark.parametrize("percentile", [False, True])
def test_sums_alone_give_what_the_rows_give(options, percentile, monkeypatch):
    from servqual.drivers import importance

    ask = {
        "outcome": "y",
        "drivers": ["d0", "d1", "d2"],
        "interval": Bootstrap(100, seed=5, percentile=percentile),
        **options,
    }
    real, taken = importance._from_sums, []
    monkeypatch.setattr(importance, "_from_sums", lambda *given: taken.append(real(*given)) or taken[-1])
    sums = drivers(customers(6), **ask)
    assert taken[0] is not None  # the short way was taken
    monkeypatch.setattr(importance, "_from_sums", lambda *_: None)
    rows = drivers(customers(6), **ask)
    keys = [*sums.by, "driver"]
    pd.testing.assert_frame_equal(
        *(each.frame.sort_values(keys, ignore_index=True) for each in (sums, rows)), check_dtype=False, rtol=1e-9
    )
    assert sums.note() == rows.note()


def test_groups_are_their_own_rows_of_one_design():
    data, names = customers(4), ["d0", "d1", "d2"]
    split = drivers(data, outcome="y", drivers=names, by="tier", interval=QUICK)
    alone = drivers(data[data["tier"] == 1], outcome="y", drivers=names, interval=QUICK)
    mine = split.frame[split.frame["tier"] == 1]
    np.testing.assert_allclose(mine["importance"], alone.frame["importance"], rtol=1e-9)
    np.testing.assert_allclose(mine["vif"], alone.frame["vif"], rtol=1e-9)
    assert split.fit.set_index("tier").loc[1, "r2"] == pytest.approx(alone.fit.loc[0, "r2"])
    assert split.row("d0", tier=1)["rank"] == 1


def test_usual_cuts_leave_a_middle():
    for seed in range(20):
        scores = np.random.default_rng(seed).integers(1, 8, 50) ** (seed % 3 + 1) // 7
        low, high = usual_cuts(scores)
        if len(np.unique(scores)) >= 3:
            assert low < high
            assert ((scores > low) & (scores < high)).any()
        else:
            assert np.isnan(low)


def test_kinds_follow_what_was_built_in():
    rng = np.random.default_rng(8)
    data = pd.DataFrame(rng.integers(1, 8, (2000, 5)), columns=[*"abcde"])
    data["y"] = (-2 * (data["a"] <= 2) + 2 * (data["b"] >= 6) - (data["c"] <= 2) + (data["c"] >= 6) - 0.2 * (data["e"] <= 2)
                 + rng.normal(0, 1, 2000))  # fmt: skip
    found = penalty_reward(data, outcome="y", drivers=[*"abcde"], low=2, high=6)
    assert found.to_frame()["kind"].tolist()[:4] == ["basic", "excitement", "performance", "weak"]
    assert found.row("a")["penalty"] == pytest.approx(-2, abs=0.2)


# --- stated importance -------------------------------------------------------------------------------------


def test_points_beside_shares():
    data = customers(3, n=200)
    data[["p0", "p1", "p2"]] = [20, 30, 50]
    data.loc[:49, ["p0", "p1", "p2"]] = [40, 30, 30]
    data.loc[50, "p0"] = 90  # does not add up to 100
    data.loc[51, "p1"] = np.nan
    stated = {f"d{k}": f"p{k}" for k in range(3)}
    found = drivers(data, outcome="y", drivers=["d0", "d1", "d2"], stated=stated, interval=QUICK)
    used = data.drop(index=[50, 51])
    assert found.frame["stated"].to_numpy() == pytest.approx(used[["p0", "p1", "p2"]].mean().to_numpy() / 100)
    assert found.frame["stated_n"].tolist() == [198] * 3
    assert found.frame["stated_rank"].tolist() == [3, 2, 1]
    assert "complete from 198 of 200" in found.note()
    row = found.frame.set_index("driver").loc["d0"]
    shown = [f"{100 * row[name]:.0f}%" for name in ("stated", "share", "share_low", "share_high")]
    assert found.differences() == ("They part most clearly on d0: {} as stated, {} (95% CI {} to {}) as derived; it goes with the outcome "
                                   "more than customers say.".format(*shown))  # fmt: skip
    assert "自述 {}，推导 {}".format(*shown) in found.in_language("zh").differences()
    assert "n = 200" in found.note()  # who gave no points still tells what drives


def test_published_points_and_ratings():
    data, names = customers(3, n=200), ["d0", "d1"]
    points = drivers(data, outcome="y", drivers=names, stated={"d0": 30, "d1": 10}, interval=QUICK)
    assert points.frame["stated"].tolist() == [0.75, 0.25]
    ratings = drivers(
        data, outcome="y", drivers=names, stated={"d0": "d2", "d1": "d3"}, stated_scale="ratings", interval=QUICK
    )
    assert ratings.frame["stated"].to_numpy() == pytest.approx(data[["d2", "d3"]].mean().to_numpy())
    same = drivers(data, outcome="y", drivers=names, stated={"d0": 3, "d1": 1}, stated_scale="ratings", interval=QUICK)
    assert same.differences() == "Stated and derived importance give the same ranking."


def test_equal_ranks_do_not_hide_shares_that_part_nor_unequal_ranks_make_a_difference():
    """Ranks 1, 2 on both sides, but 95% stated lie outside the derived interval; 49 to 51 the other way round is no difference."""
    data, names = customers(3, n=200), ["d0", "d1"]
    told = drivers(data, outcome="y", drivers=names, stated={"d0": 95, "d1": 5}, interval=QUICK)
    row = told.frame.set_index("driver").loc["d0"]
    assert row["rank"] == row["stated_rank"] == 1
    assert row["share_high"] < 0.95
    assert told.differences().startswith("They part most clearly on d0: 95% as stated")
    assert told.differences().endswith("customers name it, but it goes less with the outcome.")
    assert "差别明确且最大的是" in told.in_language("zh").differences()
    derived = float(row["share"])
    near = drivers(
        data, outcome="y", drivers=names, stated={"d0": derived - 0.01, "d1": 1.01 - derived}, interval=QUICK
    )
    assert near.differences().endswith("as derived, which may be chance.")
    assert near.in_language("zh").differences().endswith("，可能出于偶然。")


# --- words and hostile input -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop() -> Responses:
    rng = np.random.default_rng(6)
    instrument = load_instrument("retail-13")
    mood = rng.normal(size=200)
    data = pd.DataFrame(
        {
            name: np.clip(np.rint(5 + mood + rng.normal(0, 1, 200)), 1, 7)
            for name in instrument.columns("perception").values()
        }
    )
    data["overall_quality"] = np.clip(np.rint(5 + mood + rng.normal(0, 1, 200)), 1, 7)
    data["store"] = np.arange(200) % 10
    return Responses(data, instrument, SampleDesign(clusters="store", selection="probability"))


def test_an_instrument_names_its_dimensions_in_both_languages(shop):
    found = drivers(shop, outcome="overall_quality", interval=QUICK)
    assert found.title() == "What drives overall quality"
    assert found.in_language("zh").title() == "总体质量的驱动因素"
    assert found.frame["driver"].tolist() == [each.id for each in shop.instrument.dimensions]
    first = found.ranking()[0]
    assert found.sentence() == found.sentence(first)
    assert "rank 1 of 5" in found.sentence()
    zh = found.in_language("zh")
    for text in (zh.sentence(), zh.note(), *zh.shown().columns):
        assert not {",", ";", "(", ")"} & set(text.replace("Rao-Wu", "")), text
    assert "not what a change would cause" in found.note()
    assert drivers(shop, outcome="overall_quality", drivers="items", interval=Taylor()).frame.shape[0] == 13
    assert drivers(shop, outcome="overall_quality", drivers=["reliability", "empathy"], interval=QUICK).ranking()


def test_a_driver_that_goes_with_a_lower_outcome_is_named_since_its_share_can_not_show_it():
    cars = drivers(MTCARS, outcome="mpg", drivers=CARS, interval=QUICK)
    r = cars.frame.set_index("driver")["r_high"]
    assert (cars.frame["share"] >= 0).all()
    assert sorted(r.index[r < 0]) == ["cyl", "disp", "hp"]  # more cylinders, fewer miles
    assert "where cyl, disp, hp is higher the outcome is lower, which neither shares nor ranks show" in cars.note()
    assert "cyl、disp、hp越高则结果越低" in cars.in_language("zh").note().replace(" ", "")
    up = MTCARS.assign(**{name: -MTCARS[name] for name in ("cyl", "disp", "hp")})
    turned = drivers(up, outcome="mpg", drivers=CARS, interval=QUICK)
    assert "is higher the outcome is lower" not in turned.note()
    np.testing.assert_allclose(turned.frame["share"], cars.frame["share"], rtol=1e-9)  # the shares are blind to it


def test_opposite_signs_and_overlap_are_said():
    rng = np.random.default_rng(0)
    a = rng.normal(size=400)
    data = pd.DataFrame({"a": a, "b": a + 0.2 * rng.normal(size=400)})
    data["y"] = 2 * data["a"] - data["b"] + 0.3 * rng.normal(size=400)
    note = drivers(data, outcome="y", drivers=["a", "b"], interval=QUICK).note()
    assert "coefficient and correlation of b have opposite signs, a sign that drivers correct each other" in note
    assert "drivers overlap strongly" in note


def test_many_drivers_take_johnson_and_too_many_for_shapley_are_refused():
    data = pd.DataFrame(np.random.default_rng(0).normal(size=(80, 18)), columns=[f"c{k}" for k in range(18)])
    found = drivers(data, outcome="c0", drivers=[f"c{k}" for k in range(1, 18)], interval=Taylor())
    assert found.method_used == "johnson"
    assert found.frame["shapley"].isna().all()
    with pytest.raises(SpecError, match=r"131,072 regressions.*method='johnson'"):
        drivers(data, outcome="c0", drivers=[f"c{k}" for k in range(1, 18)], method="shapley")


BROKEN = {
    "nothing to explain": (
        lambda d: d.assign(y=5.0),
        "all 40 respondents gave the same answer to 'y': there is nothing to explain",
    ),
    "flat": (lambda d: d.assign(d1=1.0), "d1: does not vary among the 40 respondents"),
    "collinear": (lambda d: d.assign(d2=2 * d["d0"] - d["d1"]), "d2: follows exactly from the drivers before it"),
    "few": (lambda d: d.head(4), "4 respondents answered everything; 3 drivers need at least 5"),
    "nobody": (lambda d: d.assign(d1=np.nan), r"0 of 40 respondents answered the outcome and all drivers.*'d1' 0"),
    "words": (
        lambda d: d.assign(d1=["good"] * 40),
        "column 'd1' holds 40 values that are not numbers .'good' in row 0",
    ),
    "infinite": (
        lambda d: d.assign(y=np.r_[np.inf, d["y"].to_numpy()[1:]]),
        "column 'y' holds 1 values that are not numbers",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("verb", [drivers, penalty_reward])
def test_what_cannot_be_explained_is_said(what, verb):
    change, words = BROKEN[what]
    if verb is penalty_reward and what in ("flat", "collinear", "few"):
        return
    with pytest.raises(DataError, match=words):
        verb(change(customers(1, n=40)), outcome="y", drivers=["d0", "d1", "d2"])


def test_wrong_questions_are_refused(shop):
    data, names = customers(1, n=40), ["d0", "d1"]
    for wrong, words in (
        ({"drivers": "dimensions"}, "needs responses"), ({"drivers": "stores"}, "is not known"), ({"drivers": []}, "names no column"),
        ({"drivers": ["d0", "d0"]}, "more than once"), ({"drivers": ["y"]}, "explain itself"), ({"drivers": names, "method": "magic"}, "magic"),
        ({"drivers": names, "stated": {"d0": 1}}, "lacks d1"), ({"drivers": names, "stated": {"d0": 1, "d1": "d2"}}, "mixes"),
        ({"drivers": names, "stated": {"d0": -1, "d1": 2}}, "0 or more"), ({"drivers": names, "level": 95}, "level=95"),
        ({"drivers": names, "by": "rank"}, "have a column of that name"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=words):
            drivers(data, outcome="y", **wrong)
    with pytest.raises(DataError, match="nobody gave points"):
        drivers(data, outcome="y", drivers=names, stated={"d0": "d2", "d1": "d3"})
    with pytest.raises(DataError, match="no column 'd9'"):
        drivers(data, outcome="y", drivers=["d0", "d9"])
    with pytest.raises(SpecError, match="own sample design"):
        drivers(shop, outcome="overall_quality", design=DESIGN)
    with pytest.raises(SpecError, match="explain itself"):
        drivers(shop, outcome=next(iter(shop.instrument.columns("perception").values())))
    with pytest.raises(SpecError, match="no expectation"):
        drivers(shop, outcome="overall_quality", form="gap")
    with pytest.raises(SpecError, match="must lie below"):
        penalty_reward(data, outcome="y", drivers=names, low=1, high=0)
    with pytest.raises(SpecError, match="both low= and high="):
        penalty_reward(data, outcome="y", drivers=names, low=1)
    with pytest.raises(DataError, match="no driver has 5 answers"):
        penalty_reward(data, outcome="y", drivers=names, low=-90, high=90)
    with pytest.raises(SpecError, match="nothing was stated"):
        drivers(data, outcome="y", drivers=names, interval=QUICK).differences()


@pytest.mark.parametrize("interval", [QUICK, Taylor(), Student()])
def test_a_group_that_cannot_be_fitted_says_so_and_the_others_stay(interval):
    data = customers(9, n=90).assign(area=lambda d: np.repeat(["a", "b", "c"], 30))
    data.loc[data["area"] == "b", "y"] = 4.0
    data.loc[data["area"] == "c", "d1"] = np.nan
    found = drivers(data, outcome="y", drivers=["d0", "d1"], by="area", interval=interval)
    reasons = found.frame.groupby("area", sort=False)["reason"].first().to_dict()
    assert reasons == {"a": "", "b": "flat outcome", "c": "nobody"}
    assert np.isfinite(found.frame.loc[found.frame["area"] == "a", "importance"]).all()
    assert (
        found.sentence("d0", area="b")
        == "d0 (b): no importance can be given (everyone gave the same answer to the outcome: nothing to explain)."
    )
    assert found.in_language("zh").sentence("d0", area="c") == "d0（c）：无法计算（无人作答）。"
    penalties = penalty_reward(data, outcome="y", drivers=["d0", "d1"], by="area")
    assert penalties.frame.groupby("area", sort=False)["reason"].first().to_dict() == reasons


def test_one_store_a_group_has_no_ranks_but_errors():
    data = customers(9, n=120).assign(store=lambda d: np.arange(120) % 3)
    found = drivers(data, outcome="y", drivers=["d0", "d1"], by="store", design=SampleDesign(clusters="store"))
    assert (found.frame["reason"] == "one cluster").all()
    assert np.isfinite(found.frame["se"]).all()
    assert found.frame["first"].isna().all()
    assert "chance" not in found.sentence("d0", store=1)


# --- pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_of_drivers(shop, language):
    from servqual.plots import new_axes

    stated = {each.id: 20.0 for each in shop.instrument.dimensions}
    found = drivers(shop, outcome="overall_quality", stated=stated, interval=QUICK).in_language(language)
    ax = found.plot(new_axes())
    drawn = {each.get_label(): each for each in ax.collections}
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        found.labels[name][language] for name in found.ranking()
    ]
    order = found.frame.sort_values("rank")
    np.testing.assert_allclose(drawn["importance"].get_offsets()[:, 0], 100 * order["share"])
    np.testing.assert_allclose(drawn["stated"].get_offsets()[:, 0], 20.0)
    words = [text.get_text() for text in ax.texts]
    assert any(word.startswith("1") for word in words)
    assert found.title() in ax.get_title(loc="left")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_of_penalties(shop, language):
    from servqual.plots import new_axes

    found = penalty_reward(shop, outcome="overall_quality").in_language(language)
    ax = found.plot(new_axes())
    drawn = {each.get_label(): each for each in ax.collections}
    np.testing.assert_allclose(drawn["penalty"].get_offsets()[:, 0], found.frame["penalty"])
    np.testing.assert_allclose(drawn["reward"].get_offsets()[:, 0], found.frame["reward"])
    assert len(found.sentence("empathy")) > 40
