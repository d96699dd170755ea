"""A study is planned before the field: what is computed, what is written, what is refused, and what the analysis gets back."""

from __future__ import annotations

import html
import io
import re
import tomllib
import zipfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats

from servqual.cli import cli
from servqual.gaps import score_gaps
from servqual.instruments import load_instrument
from servqual.planning import StudyPlan, asked, load_plan, plan_study
from servqual.planning.costs import cost_plan
from servqual.planning.coverage import coverage
from servqual.report import Table
from servqual.responses import read_responses
from servqual.settings import open_study
from servqual.study import load_study
from survey_design.errors import DataError, SpecError
from survey_design.forms.filled import read_filled
from survey_design.intercepts import plan_intercepts
from survey_design.sampling import SampleDesign
from survey_design.sampling.allocation import allocate
from survey_design.sampling.selection import draw
from survey_design.size import size_for_gap, size_for_proportion, size_for_stores_and_customers

SAMPLE = Path(__file__).parents[1] / "data" / "sample"

# A study before its field: the file of answers that it names is not there.
SMALL = """\
title = { en = "Shops", zh = "门店服务研究" }
instrument = "retail-13"

[perception]
file = "later.csv"

[expected]
all = 6

[plan]
seed = 5

[plan.costs]
currency = "CNY"
store = 100
interview = 10
session = 500

[plan.budget]
interviews = 3000

[plan.size]
per_store = 10
icc = 0.05

[plan.size.mean]
sd = 1.2
margin = 0.4

[plan.stores]
file = "stores.csv"
store = "门店"
strata = "等级"
area_type = "area"
size = "客流"
n = 7
interviews = 84

[plan.intercepts]
file = "footfall.csv"
interviewers = ["Li", "Wang", "Zhao", "Chen", "Wu"]
response = 0.5

[plan.focus_groups]
cities = ["Wuhan"]
segments = ["business", "ordinary"]
sessions_per_segment = 1

[plan.forms]
forms = ["perception"]
intercept = true

[[plan.forms.questions]]
name = "parking"
kind = "single"
label = { en = "Did you find a place to park?", zh = "您找到停车位了吗？" }
choices = { easily = { en = "Easily", zh = "很容易" }, hardly = { en = "Hardly", zh = "不容易" } }
"""
TIERS = ["旗舰店"] * 2 + ["一级店"] * 6 + ["合作店"] * 4


def small_stores() -> pd.DataFrame:
    k = np.arange(12)
    return pd.DataFrame({"门店": [f"店{i + 1:02d}" for i in k], "等级": TIERS, "客流": 500 - 30 * k,
                         "area": np.array(["street", "mall"])[k % 2], "phone": "13800138000"})  # fmt: skip


def small_footfall() -> pd.DataFrame:
    hours = product(
        small_stores()[["门店", "客流"]].itertuples(index=False), ("2026-03-06", "2026-03-07"), range(10, 16)
    )
    return pd.DataFrame([(store, day, hour, size // 10 + hour) for (store, size), day, hour in hours],
                        columns=["store", "day", "hour", "leavers"])  # fmt: skip


def write_study(folder: Path, text: str = SMALL) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    small_stores().to_csv(folder / "stores.csv", index=False)
    small_footfall().to_csv(folder / "footfall.csv", index=False)
    return folder


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def without(text: str, *tables: str) -> str:
    """The settings without some tables."""
    for name in tables:
        text, found = re.subn(rf"^\[+{re.escape(name)}\]+\n(?:(?!\[).*\n)*", "", text, flags=re.MULTILINE)
        assert found, name
    return text


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("small") / "my")


@pytest.fixture(scope="module")
def planned(small):
    return plan_study(small)


@pytest.fixture(scope="module")
def chinese(small):
    return plan_study(small, "zh")


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample study, planned and written by the command: where, what it said, and the plan that it made."""
    out, made = tmp_path_factory.mktemp("sample"), []
    results = StudyPlan.results

    def kept(plan, *args, **options):
        made.append(results(plan, *args, **options))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StudyPlan, "results", kept)
        told = CliRunner().invoke(cli, ["plan", str(SAMPLE), "--out", str(out)])
    return out, told, made[0]


# --- the sample study, end to end --------------------------------------------------------------------------


def test_the_command_writes_everything_and_says_what_matters(sample):
    out, told, planned = sample
    assert told.exit_code == 0, told.output
    assert sorted(path.name for path in out.iterdir()) == ["plan", "plan.html", "plan.xlsx"]
    written = {path.name for path in (out / "plan").iterdir()}
    assert set(pd.read_csv(out / "plan" / "index.csv")["file"]) | {"index.csv"} == written
    papers = [f"{name}_{tongue}.docx" for tongue in ("en", "zh", "both")
              for name in ("questionnaire", "expectation_questionnaire", "discussion_guide")]  # fmt: skip
    assert {
        *papers,
        "form.xlsx",
        "expectation_form.xlsx",
        "expectation_codebook.csv",
        "reached.csv",
        "codebook.csv",
        "tally_sheets.docx",
        "design.toml",
        "stores_drawn.csv",
    } <= written
    for name in written:
        if name.endswith((".docx", ".xlsx")):
            assert zipfile.ZipFile(out / "plan" / name).testzip() is None
    lines = told.stdout.splitlines()
    assert lines[0].endswith("plan.html")
    assert [line.split(":")[0] for line in lines[3:9]] == [
        "How many", "Whom", "Where", "When", "Focus groups", "At what cost",
    ]  # fmt: skip
    assert lines[3:9] == planned.headlines()
    assert lines[9:] == [f"Warning: {warning}" for warning in planned.warnings()]
    assert "±6.46 percentage points for a share (asked for ±5 percentage points)" in lines[9]
    assert [line.split("]")[0] for line in told.stderr.splitlines()] == [f"[{k}/7" for k in range(1, 8)]


def test_the_page_shows_every_part_and_names_its_files(sample):
    out, _, planned = sample
    page = (out / "plan.html").read_text(encoding="utf-8")
    titles = [section.title for section in planned.report().sections]
    assert titles == ["In short", "How many", "Whom and where", "When", "Focus groups", "Forms", "Costs",
                      "From the plan to the analysis", "Not planned", "How this was made"]  # fmt: skip
    assert all(f'<h2><span class="counter">{k}</span> {title}</h2>' in page for k, title in enumerate(titles, start=1))
    assert page.count("data:image/svg+xml") == 6
    assert set(re.findall(r"<code>plan/([^<]+)</code>", page)) <= {path.name for path in (out / "plan").iterdir()}
    assert "<code>tables/" not in page


def test_the_tables_are_those_of_the_functions(sample):
    out, _, _ = sample
    settings = tomllib.loads((SAMPLE / "study.toml").read_text(encoding="utf-8"))["plan"]
    stores, footfall = pd.read_csv(SAMPLE / "stores.csv"), pd.read_csv(SAMPLE / "footfall.csv")
    deff = 1 + (20 - 1) * 0.07
    of_both = (1.0**2 + deff * 1.3**2) / (1.0**2 + 1.3**2)  # expectations are not asked in stores
    gap = size_for_gap(pairing="independent", sd_e=1.0, sd_p=1.3, margin=0.2, deff=of_both, response_rate=0.5)
    share = size_for_proportion(0.5, 0.05, deff=deff, response_rate=0.5)
    for name, size in (("gap", gap), ("share", share)):
        read = pd.read_csv(out / "plan" / f"size_{name}.csv")
        assert read["n_to_approach"].iloc[-1] == size.n_to_approach
        np.testing.assert_allclose(read["n"], size.frame["n"], rtol=1e-12)
    best = size_for_stores_and_customers(
        sd=1.3, icc=0.07, cost_per_store=800, cost_per_interview=45, fixed_cost=20000, budget=110000,
        stores_in_population=120, strata=5,
    )  # fmt: skip
    np.testing.assert_allclose(pd.read_csv(out / "plan" / "stores_and_customers.csv")["margin"], best.frame["margin"])

    tiers = stores.groupby("tier", sort=False).size().rename("stores").reset_index()
    shared = allocate(tiers, 40, by="tier", size="stores", minimum=4)
    assert pd.read_csv(out / "plan" / "allocation.csv")["n"].tolist() == shared.frame["n"].tolist()
    design = SampleDesign(strata="tier", clusters="store", weight="store_weight")
    drawn = draw(stores, design, shared.to_dict(), seed=2026)
    read = pd.read_csv(out / "plan" / "stores_drawn.csv")
    assert read["store"].tolist() == drawn.frame["store"].tolist()
    np.testing.assert_allclose(read["store_weight"], drawn.frame["store_weight"], rtol=1e-12)
    assert "visited" not in read, "columns that the plan doesn't name stay where they are"

    timetable = plan_intercepts(
        footfall[footfall["store"].isin(drawn.frame["store"])], n=900, interviewers=10, seed=2026,
        stores=drawn.frame[["store", "area_type", "tier"]], days=[str(day) for day in settings["intercepts"]["days"]],
        eligible=0.4, response=0.5,
    )  # fmt: skip
    read = pd.read_csv(out / "plan" / "blocks.csv")
    assert read["block"].tolist() == timetable.frame["block"].tolist()
    assert read["k"].tolist() == timetable.frame["k"].tolist()
    assert pd.read_csv(out / "plan" / "quotas.csv")["quota"].sum() == 900
    assert pd.read_csv(out / "plan" / "quotas.csv")["quota"].min() >= 5


def test_every_kind_of_place_of_the_sample_is_covered(sample):
    _, _, planned = sample
    listed = pd.read_csv(SAMPLE / "stores.csv")
    table = planned.coverage.frame.set_index(["variable", "value"])
    for column in ("area_type", "region"):
        assert table.loc[column, "listed"].to_dict() == listed[column].value_counts().to_dict()
    assert planned.coverage.missed() == []


# --- a small study in Chinese ------------------------------------------------------------------------------


def test_the_plan_in_chinese_twice_the_same_bytes_and_the_one_before_is_kept(chinese, tmp_path):
    chinese.save_all(tmp_path / "a")
    for path in (tmp_path / "a").rglob("*.*"):  # an older plan, of which the list of its files says that it is ours
        older = tmp_path / "b" / path.relative_to(tmp_path / "a")
        older.parent.mkdir(parents=True, exist_ok=True)
        older.write_bytes(path.read_bytes() if path.name == "index.csv" else b"an older plan")
    chinese.save_all(tmp_path / "b")
    files = {place: {str(path.relative_to(tmp_path / place)): path.read_bytes()
                     for path in (tmp_path / place).rglob("*.*") if path.is_file()} for place in "ab"}  # fmt: skip
    kept = {name: files["b"].pop(name) for name in list(files["b"]) if name.startswith("plan.previous")}
    assert files["a"] == files["b"]
    assert set(kept) == {name.replace("plan", "plan.previous", 1) for name in files["a"]}
    assert {text for name, text in kept.items() if not name.endswith("index.csv")} == {b"an older plan"}
    page = files["a"]["plan.html"].decode("utf-8")
    assert '<html lang="zh-Hans">' in page
    for words in ("门店服务研究", "要点", "调查对象与地点", "客户座谈会", "从计划到分析", "未列入计划", "店01"):
        assert words in page
    assert not re.search(r"<(?:p|li|h2)[^>]*>[^<]*(?:interviews|stores|planned) ", page), "no English sentence is left"
    assert "13800138000" not in page + files["a"]["plan/stores_drawn.csv"].decode("utf-8"), (
        "columns not named are not shown"
    )


def test_files_of_somebody_else_stay_and_nothing_is_written(planned, tmp_path):
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "mine.csv").write_text("1", encoding="utf-8")
    bare = replace(planned, questionnaire=None, tally=None, focus_groups=None, intercepts=None)
    with pytest.raises(SpecError, match=r"mine\.csv"):
        bare.save_all(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_headlines_answer_in_both_languages(planned, chinese, language):
    said = {"en": planned, "zh": chinese}[language].headlines()
    assert len(said) == 6
    assert all("{" not in line for line in said)
    for number, line in zip(("84", "7", "7", "5", "2", "1,"), said, strict=True):
        assert number in line
    assert all(bool(re.search("[一-鿿]", re.sub("等级|门店", "", line))) == (language == "zh") for line in said)


def test_another_seed_draws_other_stores(small):
    plan = load_plan(small)
    plan = replace(plan, sizes={}, costs={}, sections={"stores": plan.sections["stores"]})
    drawn = {tuple(replace(plan, seed=seed).results().stores.frame["门店"]) for seed in range(6)}
    assert len(drawn) > 1


# --- parts lead to one another -----------------------------------------------------------------------------


def test_a_plan_needs_no_answers_and_is_checked_alone_but_a_report_needs_them(small):
    assert not (small / "later.csv").exists()
    assert plan_study(small).interviews == 84
    told = CliRunner().invoke(cli, ["check", str(small)])
    assert told.exit_code == 0, told.output
    assert "no answers yet (later.csv is not in the study's folder), so the plan alone was checked" in told.stdout
    told = CliRunner().invoke(cli, ["report", str(small)])
    assert told.exit_code == 1
    assert "'later.csv' is not in the study's folder" in told.stderr


def test_chances_of_stores_become_part_of_the_timetable(planned):
    blocks, stores = planned.intercepts.frame, planned.stores.frame.set_index("门店")
    np.testing.assert_allclose(blocks["p_store"], blocks["store"].map(stores["inclusion_probability"]))
    np.testing.assert_allclose(1 / blocks["weight"], blocks["p_store"] * blocks["p_block"] / blocks["k"])
    certain = blocks["p_store"] == 1
    assert certain.any()
    assert not certain.all()
    assert (blocks.loc[certain, "stratum"] == blocks.loc[certain, "store"]).all()
    assert (blocks.loc[certain, "cluster"] == blocks.loc[certain, "block"]).all()
    assert set(blocks.loc[~certain, "stratum"]) == {"一级店", "合作店"}
    assert (blocks.loc[~certain, "cluster"] == blocks.loc[~certain, "store"]).all()
    assert "7 stores were drawn before" in planned.intercepts.note()
    assert "speaks about these stores" not in planned.intercepts.note()


def test_weights_of_all_leavers_add_up_to_the_traffic_of_all_stores_on_average(small):
    """Horvitz and Thompson: over many plans, the visits that the asked stand for are the visits of all listed stores."""
    plan = load_plan(small)
    plan = replace(plan, sizes={}, costs={}, sections={name: plan.sections[name] for name in ("stores", "intercepts")})
    totals = []
    for seed in range(60):
        blocks = replace(plan, seed=seed).results().intercepts.frame
        asked = np.floor((blocks["leavers"] - blocks["first"]) / blocks["k"]) + 1  # every k-th from the first on
        totals.append(float((asked * blocks["weight"]).sum()))
    truth = small_footfall()["leavers"].sum()
    error = np.std(totals, ddof=1) / np.sqrt(len(totals))
    assert abs(np.mean(totals) - truth) < 4 * error
    assert error < 0.04 * truth, "so that a wrong chance would show"


def test_number_of_stores_and_interviews_come_from_the_budget_where_nobody_says_them(tmp_path):
    text = changed(without(SMALL, "plan.intercepts"), ("n = 7\ninterviews = 84\n", ""),
                   ("[plan.stores]", "[plan.size.stores]\nsd = 1.2\nstrata = 3\nstores_in_population = 12\n\n[plan.stores]"))  # fmt: skip
    planned = plan_study(write_study(tmp_path, text))
    best = planned.stages.best
    assert len(planned.stores.frame) == planned.allocation.n == best["stores"]
    assert planned.interviews == best["interviews"] == planned.quotas.frame["n"].sum()
    assert planned.stages.cost <= 3000
    assert planned.costs.total == 100 * best["stores"] + 10 * best["interviews"] + 500 * 2


def test_stores_of_each_stratum_as_given(tmp_path):
    text = changed(SMALL, ("n = 7\n", 'n = { "旗舰店" = 1, "一级店" = 4, "合作店" = 2 }\n'))
    planned = plan_study(write_study(tmp_path, text))
    assert planned.stores.frame["等级"].value_counts().to_dict() == {"旗舰店": 1, "一级店": 4, "合作店": 2}
    weights = planned.stores.frame.groupby("等级")["store_weight"].sum()
    np.testing.assert_allclose(weights[["旗舰店", "一级店", "合作店"]], [2, 6, 4])


def test_quotas_without_timetable_follow_traffic_with_a_floor(tmp_path):
    planned = plan_study(write_study(tmp_path, without(SMALL, "plan.intercepts")))
    quotas = planned.quotas.frame.set_index("门店")["n"]
    assert quotas.sum() == 84
    assert quotas.min() >= 5
    traffic = planned.stores.frame.set_index("门店")["客流"]
    assert (quotas / traffic)[quotas > 5].std() / (quotas / traffic).mean() < 0.1


@pytest.mark.parametrize("method", ["srs", "systematic", "pps", "balanced"])
def test_every_method_of_drawing_hands_over_columns_that_are_there(tmp_path, method):
    more = {"systematic": 'order = "客流"\n', "balanced": 'balance = ["客流"]\n'}.get(method, "")
    text = changed(without(SMALL, "plan.intercepts", "plan.forms", "plan.forms.questions"),
                   ("n = 7\n", f'n = 8\nmethod = "{method}"\n{more}'))  # fmt: skip
    planned = plan_study(write_study(tmp_path, text))
    assert planned.stores.method == method
    weighed = planned.weigh(pd.DataFrame({"门店": planned.stores.frame["门店"].repeat(2)}))
    planned.design.check(weighed)
    if (
        method == "pps"
    ):  # interviews of a stratum weigh alike, its traffic over its stores; two certain stores their own
        stands_for = weighed.groupby(["等级", "门店"])["weight"].sum()
        assert stands_for["一级店"].tolist() == pytest.approx([(440 + 410 + 380 + 350 + 320 + 290) / 4] * 4)
        assert stands_for["合作店"].tolist() == pytest.approx([(260 + 230 + 200 + 170) / 2] * 2)
        assert stands_for["旗舰店"].tolist() == pytest.approx([500, 470])


@pytest.mark.parametrize(("language", "said"), [("en", "Only one store was drawn in"), ("zh", "只抽中一家门店")])
def test_one_store_of_a_stratum_is_a_caution(tmp_path, language, said):
    text = changed(SMALL, ("n = 7\n", "n = 3\nminimum = 1\n"))
    page = plan_study(write_study(tmp_path, text), language).report()
    cautions = [block.text for block in page.sections[2].blocks if getattr(block, "tone", "") == "caution"]
    assert any(said in caution and "合作店" in caution for caution in cautions)


def test_stores_may_be_drawn_with_the_timetable(tmp_path):
    text = without(changed(SMALL, ("response = 0.5", "response = 0.5\nn = 60\nchoose = 6")), "plan.stores")
    planned = plan_study(write_study(tmp_path, text))
    assert planned.stores is None
    assert len(planned.intercepts.stores) == 6
    assert "6 stores of the footfall" in planned.headlines()[2]
    assert planned.costs.frame.set_index("post").loc["store", "number"] == 6


def test_chosen_regions_are_the_cities_of_the_focus_groups(tmp_path):
    text = changed(SMALL, ('cities = ["Wuhan"]\n', "")) + (
        '\n[plan.regions]\nfile = "regions.csv"\nregion = "city"\nsize = "people"\nn = 3\n'
        'criteria = { economic = ["income"], service = ["wait"] }\n'
    )
    folder = write_study(tmp_path, text)
    pd.DataFrame({"city": list("ABCDEF"), "income": [9.0, 8.5, 8.8, 3.1, 2.9, 3.3], "wait": [4.0, 5, 4.5, 9, 9.5, 8],
                  "people": [900, 500, 600, 200, 300, 100]}).to_csv(folder / "regions.csv", index=False)  # fmt: skip
    planned = plan_study(folder, "zh")
    assert set(planned.focus_groups.frame["city"]) == set(planned.regions.frame["city"])
    assert planned.regions.language == "zh"
    assert planned.plan.lacking() == ()
    assert "regions_balance" in {table.name for table in planned.report().tables()}


def test_the_form_asks_the_block_and_the_further_question_of_those_who_agreed(planned):
    form = planned.questionnaire
    assert [question.name for question in form.sections[0].questions][1:3] == ["store", "block"]
    assert set(form.question("block").codes) == set(planned.intercepts.frame["block"])
    assert set(form.question("store").codes) == set(planned.stores.frame["门店"])
    assert form.section_of("parking").relevant == form.section_of("P_initiative").relevant
    assert form.columns[-1] == "disposition"


@pytest.mark.parametrize(("language", "said"), [("en", "fewer than 12 interviews"), ("zh", "预计不足 12 份")])
def test_stores_below_the_floor_in_the_drawn_blocks_are_a_caution(planned, language, said):
    stores = planned.intercepts.stores.assign(interviews=[3.0, *[20.0] * (len(planned.intercepts.stores) - 1)])
    sections = {**planned.plan.sections, "intercepts": {**planned.plan.sections["intercepts"], "minimum": 12}}
    low = replace(planned, language=language, intercepts=replace(planned.intercepts, stores=stores),
                  plan=replace(planned.plan, sections=sections))  # fmt: skip
    when = next(section for section in low.report().sections if section.title in ("When", "时间安排"))
    cautions = [block.text for block in when.blocks if getattr(block, "tone", "") == "caution"]
    assert len(cautions) == 1
    assert said in cautions[0]
    assert [name for name in stores["store"] if name in cautions[0]] == [stores["store"].iloc[0]]


def test_fewer_interviews_than_the_sizes_need_are_a_caution(tmp_path):
    text = changed(SMALL, ("margin = 0.4", "margin = 0.15"))
    for language, said in (("en", "will not be reached"), ("zh", "达不到其误差或功效要求")):
        short = plan_study(write_study(tmp_path, text), language)
        first = short.report().sections[0]
        assert short.needed > short.interviews
        assert any(said in block.text for block in first.blocks if getattr(block, "tone", "") == "caution")


# --- what is missing is said -------------------------------------------------------------------------------

ONLY_A_SIZE = 'instrument = "retail-13"\n[plan.size.share]\np = 0.5\nmargin = 0.1\n'


@pytest.mark.parametrize(("language", "said"), [("en", "not planned: needs"), ("zh", "未列入计划：需要")])
def test_parts_that_are_not_asked_for_are_said(tmp_path, language, said):
    planned = plan_study(write_study(tmp_path, ONLY_A_SIZE), language)
    assert planned.plan.lacking() == ("regions", "stores", "intercepts", "focus_groups", "forms")
    assert [said in line for line in planned.headlines()] == [False, True, True, True, True, True]
    assert "97" in planned.headlines()[0], "1.96² × 0.25 / 0.1² = 96.04"
    assert planned.design is None
    assert planned.design_toml() == ""
    page = planned.report()
    assert len(page.sections) == 4
    assert "[plan.costs]" in page.to_html()
    planned.save_all(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out" / "plan").iterdir()) == ["index.csv", "size_share.csv"]
    with pytest.raises(SpecError, match=r"add \[plan\.stores\] or \[plan\.intercepts\]"):
        planned.weigh(pd.DataFrame({"store": ["A"]}))


# --- what cannot be used is named with its place -----------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("margin = 0.4", "margin = 0", r"\[plan\.size\.mean\]: margin=0 cannot be used"),
        ("sd = 1.2", "sd = -1", r"\[plan\.size\.mean\]: sd=-1 cannot be used"),
        ("sd = 1.2\n", "", r"\[plan\.size\.mean\]: it lacks a value.*'sd'"),
        ("icc = 0.05", "icc = 0.05\npopulation = 20\nresponse_rate = 0.5", r"\[plan\.size\.mean\]: .*20"),
        ("icc = 0.05\n", "", r"\[plan\.size\] per_store: the design effect needs icc"),
        ("icc = 0.05", "icc = 2", r"\[plan\.size\]: icc=2 cannot be used"),
        ("icc = 0.05", 'icc = "low"', r"\[plan\.size\] icc: 'low' is not a number; write icc = 0\.5"),
        ("icc = 0.05", "ic = 0.05", r"\[plan\.size\], key 'ic': it is not known; .*Did you mean 'icc'"),
        ('strata = "等级"', 'strata = "等"', r"\[plan\.stores\]: stores\.csv has no column '等'"),
        ('strata = "等级"\n', "strat = 1\n", r"\[plan\.stores\], key 'strat'.*Did you mean 'strata'"),
        ("n = 7\n", "n = 13\n", r"\[plan\.stores\]: n = 13 stores .*stores\.csv lists 12 \(旗舰店 2.*Write n = 12 or less"),
        ("n = 7\n", "n = 9\nmaximum = 2\n", r"\[plan\.stores\]: n = 9 .*maximum = 2.* give 6 at most"),
        ("n = 7\n", "n = 7\nminimum = 3\n", r"\[plan\.stores\]: n = 7 .*fewer than minimum = 3 .*which is 8"),
        ("icc = 0.05", "ic = 0.05\nresponse = 1", r"(?s)key 'ic': .*Did you mean 'icc'.*\[plan\.size\], key 'response': .*Did you mean 'response_rate'"),
        ("n = 7\n", 'n = { "旗舰店" = 3, "一级店" = 3 }\n', r"\[plan\.stores\]: n says nothing of 合作店; 旗舰店 has 2 stores, not 3"),
        ("n = 7\n", "", r"\[plan\.stores\]: it does not say how many stores"),
        ("n = 7\n", 'n = 7\nallocation = "neyman"\n', r"\[plan\.stores\]: allocation = 'neyman' needs sd of every stratum"),
        ("n = 7\n", 'n = 7\nallocation = "luck"\n', r"\[plan\.stores\]: method='luck' is not known"),
        ("seed = 5", "seed = true", r"\[plan\] seed: True is not a whole number"),
        ('file = "stores.csv"', 'file = "../stores.csv"', r"\[plan\.stores\] file: '\.\./stores\.csv' lies outside"),
        ('file = "stores.csv"', 'file = "store.csv"', r"\[plan\.stores\] file: .*Did you mean 'stores\.csv'"),
        ('size = "客流"', 'size = "客流"\nmethod = "luck"', r"\[plan\.stores\]: method='luck' is not known"),
        ("seed = 5", "", r"\[plan\] seed: the key is missing, and \[plan\.stores\] draws at random"),
        ("seed = 5", "seed = 5\nlevel = 95", r"\[plan\] level: level=95"),
        ("store = 100", "store = -100", r"\[plan\.costs\] store: -100 is below 0"),
        ("interviews = 84", "interviews = 8400", r"\[plan\.intercepts\]: the quota cannot be met"),
        ("interviews = 84", "interviews = 20", r"\[plan\.intercepts\]: .*minimum"),
        ("response = 0.5", "response = 1.5", r"\[plan\.intercepts\]: response=1\.5 must be a share"),
        ('interviewers = ["Li", "Wang", "Zhao", "Chen", "Wu"]', "interviewers = 1",
         r"\[plan\.intercepts\]: .*more blocks are to be expected than the 1 interviewers"),
        ("response = 0.5", "response = 0.5\nchoose = 3", r"\[plan\.intercepts\] choose: the stores are drawn by"),
        ('cities = ["Wuhan"]\n', "", r"\[plan\.focus_groups\] cities: the key is missing"),
        ('kind = "single"', 'kind = "riddle"', r"(?s)\[plan\.forms\].*riddle"),
        ('name = "parking"', 'name = "P_initiative"', r"(?s)\[plan\.forms\]: .*P_initiative"),
        ('forms = ["perception"]', 'forms = ["dream"]', r"\[plan\.forms\]: .*dream"),
        ('instrument = "retail-13"', 'instrument = "retail-31"', r"\[plan\.forms\] instrument: .*retail-13"),
        ('[expected]', '[expectd]', r"top level, key 'expectd'"),
    ],
)  # fmt: skip
def test_faults_are_named_with_their_place(tmp_path, old, new, said):
    with pytest.raises((SpecError, DataError), match=said) as caught:
        plan_study(write_study(tmp_path, changed(SMALL, (old, new))))
    assert str(caught.value).startswith("study.toml, ")


def test_all_columns_that_are_missing_are_named_at_once(tmp_path):
    text = changed(SMALL, ('strata = "等级"', 'strata = "等"'), ('size = "客流"', 'size = "流"'),
                   ('file = "footfall.csv"', 'file = "footfall.csv"\nleavers = "离店"'))  # fmt: skip
    with pytest.raises(
        DataError, match=r"(?s)\[plan\.stores\]: stores\.csv lacks 2 .*\[plan\.intercepts\]: footfall\.csv has no"
    ) as caught:
        plan_study(write_study(tmp_path, text))
    assert caught.value.cases["column"].tolist() == ["等", "流", "离店"]


def test_the_list_of_units_is_called_by_its_file(tmp_path):
    folder = write_study(tmp_path)
    small_stores().assign(等级=[None, *TIERS[1:]]).to_csv(folder / "stores.csv", index=False)
    with pytest.raises((DataError, SpecError), match=r"\[plan\.stores\]: .*stores\.csv") as caught:
        plan_study(folder)
    assert "list of units" not in str(caught.value)


def test_hours_in_which_nobody_leaves_are_named_with_their_rows(tmp_path):
    folder = write_study(tmp_path)
    footfall = small_footfall()
    footfall.loc[(footfall["day"] == "2026-03-06") & (footfall["hour"] < 12), "leavers"] = 0
    footfall.to_csv(folder / "footfall.csv", index=False)
    with pytest.raises(DataError, match=r"study\.toml, \[plan\.intercepts\]: .*no leavers") as caught:
        plan_study(folder)
    assert len(caught.value.cases) == 7
    told = CliRunner().invoke(cli, ["plan", str(folder), "--out", str(tmp_path / "out")])
    assert told.exit_code == 1
    assert "nobody leaves in this block" in told.stderr
    assert not (tmp_path / "out").exists()


def test_drawn_stores_without_footfall_are_named(tmp_path):
    folder = write_study(tmp_path)
    small_footfall().query("store != '店01'").to_csv(folder / "footfall.csv", index=False)
    with pytest.raises(DataError, match=r"\[plan\.intercepts\] file: footfall\.csv has no hours of 1 stores.*店01"):
        plan_study(folder)


def test_no_plan_is_said_with_a_remedy(tmp_path):
    with pytest.raises(SpecError, match=r"study\.toml, \[plan\]: the table is missing; write \[plan\]"):
        load_plan(write_study(tmp_path, 'instrument = "retail-13"\n'))


def test_nothing_to_estimate_is_said(tmp_path):
    with pytest.raises(SpecError, match=r"\[plan\.size\]: it does not say what is to be estimated"):
        load_plan(write_study(tmp_path, "[plan.size]\nicc = 0.1\n"))


# --- back to the analysis ----------------------------------------------------------------------------------


def export_of(planned) -> pd.DataFrame:
    """What a tablet hands over: a refusal, then an interview in every block."""
    columns = [question.name for question in planned.questionnaire.questions if question.kind == "graded"]
    blocks = planned.intercepts.frame.iloc[[0, *range(len(planned.intercepts.frame))]].reset_index(drop=True)
    export = pd.DataFrame({"start": "2026-03-06T10:00:00", "respondent": [f"R{k}" for k in range(len(blocks))],
                           "store": blocks["store"], "block": blocks["block"], "date": blocks["day"], "purchase": 1,
                           "consent": 1, **dict.fromkeys(columns, 5), "parking": "easily", "visits_per_month": 2,
                           "disposition": 110, "_uuid": [f"u{k}" for k in range(len(blocks))]})  # fmt: skip
    export.loc[0, ["purchase", "consent", "disposition"]] = [1, 0, 211]
    export.loc[0, [*columns, "parking", "visits_per_month"]] = None
    return export


def answers_of(planned, seed=1) -> pd.DataFrame:
    """Two to four interviews in every block."""
    rng = np.random.default_rng(seed)
    blocks = planned.intercepts.frame["block"].repeat(rng.integers(2, 5, len(planned.intercepts.frame)))
    frame = pd.DataFrame({"block": blocks.to_numpy(), "visits_per_month": rng.integers(1, 5, len(blocks))})
    for name in load_instrument("retail-13").columns("perception").values():
        frame[name] = rng.integers(3, 8, len(frame))
    return frame


def test_the_design_reaches_the_analysis_and_nobody_types_a_column(small, planned, tmp_path):
    weighed = planned.weigh(answers_of(planned))
    text = changed(SMALL, ('file = "later.csv"\n', 'file = "later.csv"\n' + planned.design_toml()))
    folder = write_study(tmp_path / "my", text)
    weighed.to_csv(folder / "later.csv", index=False)
    study = load_study(folder)
    assert study.files[0].design == planned.design
    total = score_gaps(study.read(), expected=6).total.to_frame().iloc[0]
    retail = load_instrument("retail-13")
    columns = retail.columns("perception")
    by_dimension = pd.DataFrame(
        {item.id: (item.dimension, np.average(weighed[columns[item.id]], weights=weighed["weight"])) for item in retail.items},
        index=["dimension", "mean"],
    ).T  # fmt: skip
    by_hand = by_dimension["mean"].astype(float).groupby(by_dimension["dimension"]).mean().mean() - 6
    assert total["gap"] == pytest.approx(by_hand, abs=1e-9)
    assert CliRunner().invoke(cli, ["check", str(folder)]).exit_code == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_filled_form_comes_back_with_weights_and_no_mapping(planned, chinese, language):
    """Plan, tablet form, its export, weights, answers: no column is renamed by hand."""
    planned = {"en": planned, "zh": chinese}[language]
    blocks = planned.intercepts.frame
    filled = read_filled(export_of(planned), planned.questionnaire, form_of="xlsform")
    assert filled.n == len(blocks), "the refusal is no interview"
    weighed = planned.weigh(filled)
    by_block = blocks.set_index("block")["weight"]
    np.testing.assert_allclose(weighed.frame["weight"], by_block[weighed.frame["block"]])
    assert (weighed.dont_know, weighed.source) == (filled.dont_know, filled.source)
    answers = read_responses(weighed, load_instrument("retail-13"), planned.design)
    assert answers.n == filled.n
    assert answers.design.weight == "weight"


def test_customers_are_weighted_by_their_visits(planned):
    answers = answers_of(planned)
    visits, customers = (planned.weigh(answers, target=target)["weight"] for target in ("visits", "customers"))
    np.testing.assert_allclose(visits / customers, answers["visits_per_month"])


def test_without_a_timetable_the_store_carries_the_weight(tmp_path):
    planned = plan_study(write_study(tmp_path, without(SMALL, "plan.intercepts")))
    asked = planned.stores.frame["门店"].repeat(range(2, 9)).reset_index(drop=True)
    weighed = planned.weigh(pd.DataFrame({"门店": asked}))
    stores = planned.stores.frame.set_index("门店")
    by_store = weighed.groupby("门店")["weight"].sum()
    np.testing.assert_allclose(by_store, (stores["store_weight"] * stores["客流"])[by_store.index])
    assert set(planned.design.column_names()) <= set(weighed.columns)
    lines = tomllib.loads(planned.design_toml())
    assert lines == {"strata": "等级", "clusters": "门店", "weight": "weight", "population": "clusters_in_stratum",
                     "selection": "probability"}  # fmt: skip
    with pytest.raises(DataError, match="stores that were not drawn") as caught:
        planned.weigh(pd.DataFrame({"门店": [asked[0], "店99"]}))
    assert caught.value.cases["row"].tolist() == [3]
    with pytest.raises(SpecError, match=r"add \[plan\.intercepts\]"):
        planned.weigh(pd.DataFrame({"门店": asked}), target="customers")


def test_a_report_without_the_columns_of_the_design_says_how_to_join_them(small, planned, tmp_path):
    text = changed(SMALL, ('file = "later.csv"\n', 'file = "later.csv"\n' + planned.design_toml()))
    folder = write_study(tmp_path / "my", text)
    answers_of(planned).to_csv(folder / "later.csv", index=False)
    for words in (["report", str(folder), "--out", str(tmp_path / "out")], ["check", str(folder)]):
        told = CliRunner().invoke(cli, words)
        assert told.exit_code == 1
        assert "servqual weigh" in told.stderr
        assert "weigh(answers)" in told.stderr


def test_weigh_writes_answers_that_the_study_takes_as_they_are(small, planned, tmp_path):
    """Plan, export, weigh, check, report: only the lines that weigh prints are pasted."""
    folder = write_study(tmp_path / "my")
    export = tmp_path / "export.csv"
    export_of(planned).to_csv(export, index=False)
    before = export.read_bytes()
    told = CliRunner().invoke(cli, ["weigh", str(folder), str(export), "--out", str(folder / "later.csv")])
    assert told.exit_code == 0, told.output
    assert export.read_bytes() == before
    lines = told.stdout.split("\n\n", 1)[1]
    pasted = tomllib.loads(lines)
    assert pasted["dont_know"] == [99]
    assert (pasted["file"], pasted["respondent"], pasted["weight"]) == ("later.csv", "respondent", "weight")
    (folder / "study.toml").write_text(changed(SMALL, ('file = "later.csv"\n', lines)), encoding="utf-8")
    told = CliRunner().invoke(cli, ["check", str(folder)])
    assert told.exit_code == 0, told.output
    read = load_study(folder).read()
    assert read.n == len(planned.intercepts.frame)
    assert score_gaps(read, expected=6).total.to_frame()["gap"].iloc[0] == pytest.approx(-1)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("export.csv", "not written over"),
        ("my/footfall.csv", "not written over"),
        ("answers.xlsx", r"Name it answers\.csv"),
    ],
)
def test_weigh_never_writes_over_what_it_reads(small, planned, tmp_path, out, said):
    folder = write_study(tmp_path / "my")
    export = tmp_path / "export.csv"
    export_of(planned).to_csv(export, index=False)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    told = CliRunner().invoke(cli, ["weigh", str(folder), str(export), "--out", str(tmp_path / out)])
    assert told.exit_code == 1
    assert re.search(said, told.stderr)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_weigh_takes_a_plain_table_and_tallies_where_the_plan_has_no_form(planned, tmp_path):
    folder = write_study(tmp_path / "my", without(SMALL, "plan.forms", "plan.forms.questions"))
    answers = answers_of(planned)
    answers.to_csv(tmp_path / "table.csv", index=False)
    held = answers["block"].value_counts()
    counted = pd.DataFrame({"block": held.index, "complete": held.to_numpy(), "refusal": 3})
    counted.to_csv(tmp_path / "tallies.csv", index=False)
    words = ["weigh", str(folder), str(tmp_path / "table.csv"), "--tallies", str(tmp_path / "tallies.csv"),
             "--out", str(tmp_path / "answers.csv")]  # fmt: skip
    told = CliRunner().invoke(cli, words)
    assert told.exit_code == 0, told.output
    read = pd.read_csv(tmp_path / "answers.csv")
    by_hand = planned.weigh(answers, counted)
    np.testing.assert_allclose(read["weight"], by_hand["weight"])
    assert (read["weight"] > planned.weigh(answers)["weight"] * 1.01).all(), "refusals are made up for"


def test_check_names_faults_of_the_plan_too(tmp_path):
    folder = tmp_path / "my"
    CliRunner().invoke(cli, ["new", str(folder)])
    toml = folder / "study.toml"
    assert CliRunner().invoke(cli, ["check", str(folder)]).exit_code == 0
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text + "\n[plan.size.share]\np = 0.5\nmargin = 0.05\n", encoding="utf-8")
    assert CliRunner().invoke(cli, ["check", str(folder)]).exit_code == 0
    toml.write_text(text + "\n[plan.size.share]\np = 0.5\nmargn = 0.05\n", encoding="utf-8")
    told = CliRunner().invoke(cli, ["check", str(folder)])
    assert told.exit_code == 1
    assert "[plan.size.share], key 'margn'" in told.stderr


def test_the_skeleton_of_a_new_study_is_a_plan_once_its_marks_are_taken_away(tmp_path):
    CliRunner().invoke(cli, ["new", str(tmp_path / "my")])
    folder = tmp_path / "my"
    text = (folder / "study.toml").read_text(encoding="utf-8")
    start = text.index("# [plan]")
    skeleton = re.sub("^# ", "", text[start:], flags=re.MULTILINE)
    (folder / "study.toml").write_text(text[:start] + skeleton, encoding="utf-8")
    for name in ("stores.csv", "footfall.csv"):
        (folder / name).write_bytes((SAMPLE / name).read_bytes())
    plan = load_plan(folder)
    assert plan.parts() == ("size", "stores", "intercepts", "focus_groups", "forms")
    assert plan.level == 0.95
    assert replace(plan, sections={"stores": plan.sections["stores"]}).results().stores.design.strata == "tier"


def test_the_skeleton_of_a_new_study_names_every_key_of_a_plan(tmp_path):
    CliRunner().invoke(cli, ["new", str(tmp_path / "my")])
    assert "servqual plan" in (tmp_path / "my" / "README.md").read_text(encoding="utf-8")
    text = (tmp_path / "my" / "study.toml").read_text(encoding="utf-8")
    named: dict[str, set[str]] = {}
    for line in text[text.index("# [plan]") :].splitlines():
        if found := re.match(r"# (?:# )?\[+plan\.?([a-z_.]*)\]+", line):
            keys = named.setdefault(found[1], set())
        elif found := re.match(r"# (?:# )?([a-z_]+) = ", line):
            assert found[1] not in keys, f"{found[1]} stands twice"
            keys.add(found[1])
    known = {"": asked._PLAN, "costs": asked._COSTS, "budget": asked._BUDGET, "size": asked._SIZE, **asked._SECTION,
             **{f"size.{name}": keys for name, keys in asked._SIZES.items()}, "forms.questions": asked._QUESTION}  # fmt: skip
    for name, keys in known.items():
        assert named[name] == {key for key, kind in keys.items() if kind not in ("table", "questions")}, name


# --- what the page shows -----------------------------------------------------------------------------------


def test_a_cut_table_speaks_about_the_whole(sample, tmp_path):
    """Of the plan, and of every table of a gap report: title and note are those of all rows."""
    _, _, planned = sample
    CliRunner().invoke(cli, ["new", str(tmp_path / "my")])
    tables = [*(table for table in planned.report().tables() if table.is_cut),
              *(replace(table, rows=1) for table in load_study(tmp_path / "my").report().tables() if table.total_rows > 1)]  # fmt: skip
    assert len(tables) > 8
    for table in tables:
        shown, whole = table.html(), table.result.to_html()
        for tag, end in (("<caption>", "</caption>"), ('<p class="note">', "</p>")):
            assert shown.partition(tag)[2].partition(end)[0] == whole.partition(tag)[2].partition(end)[0], table.name
        assert shown.count("<tr>") == 1 + table.rows
    blocks = planned.intercepts.frame
    said = f"{blocks['interviews'].sum():,.0f} expected in {len(blocks):,} blocks at 40 stores"
    assert said in next(table for table in tables if table.name == "blocks").html()


def test_codes_are_not_broken_and_columns_that_say_nothing_are_left_out():
    found = coverage(pd.DataFrame({"area": ["A-1", "A-2"]}), pd.DataFrame({"area": ["A-1", "A-2"]}), ["area"])
    page = Table(found).html()
    assert '<td class="code">A-1</td>' in page
    assert "remark" in found.to_html()
    assert "remark" not in page
    assert [line.count("<t") for line in page.splitlines() if line.startswith("<tr>")] == [6, 6]


def test_the_lines_for_the_study_are_one_block_to_be_copied(planned):
    page = planned.report().to_html()
    block = re.search(r"<pre[^>]*><code>(.*?)</code></pre>", page, flags=re.DOTALL)
    assert tomllib.loads(html.unescape(block[1])) == tomllib.loads(planned.design_toml())


NAMED = """
[variables."等级"]
label = { en = "tier", zh = "门店层级" }

[variables."等级".values]
"旗舰店" = { en = "flagship", zh = "旗舰" }

[variables.area.values]
mall = { en = "mall", zh = "商场" }
"""


@pytest.mark.parametrize(
    ("language", "tier", "city", "mall"), [("en", "flagship", "Wuhan", "mall"), ("zh", "旗舰", "武汉", "商场")]
)
def test_tables_call_columns_and_codes_by_their_names_and_csv_keeps_the_codes(tmp_path, language, tier, city, mall):
    text = changed(SMALL, ('cities = ["Wuhan"]', 'cities = { wh = { en = "Wuhan", zh = "武汉" } }')) + NAMED
    planned = plan_study(write_study(tmp_path, text), language)
    tables = {table.name: table for table in planned.report().tables()}
    assert tier in tables["allocation"].result.shown().iloc[:, 0].tolist()
    assert {"en": "tier", "zh": "门店层级"}[language] in tables["stores_drawn"].result.shown().columns
    assert "旗舰店" in tables["allocation"].result.to_csv()
    assert mall in tables["coverage"].result.shown().iloc[:, 1].tolist()
    assert set(tables["sessions"].result.shown().iloc[:, 1]) == {city}
    assert set(tables["sessions"].result.frame["city"]) == {"wh"}
    assert tables["stores_drawn"].result.shown()["客流"].str.fullmatch(r"\d{3}").all()
    assert any(column.name == "客流" and column.kind == "count" for column in tables["stores_drawn"].result.columns())
    with zipfile.ZipFile(save_guide(planned, tmp_path)) as guide:
        assert (
            "Wuhan / 武汉" in guide.read("word/document.xml").decode()
            or "武汉 / Wuhan" in guide.read("word/document.xml").decode()
        )


def save_guide(planned, folder: Path) -> Path:
    planned.save_all(folder / "out")
    return folder / "out" / "plan" / "discussion_guide_both.docx"


def test_columns_of_the_footfall_may_have_other_names(small, planned, tmp_path):
    folder = write_study(
        tmp_path,
        changed(
            SMALL, ('file = "footfall.csv"', 'file = "footfall.csv"\nday = "日期"\nhour = "时"\nleavers = "离店人数"')
        ),
    )
    small_footfall().set_axis(["门店", "日期", "时", "离店人数"], axis=1).to_csv(folder / "footfall.csv", index=False)
    pd.testing.assert_frame_equal(plan_study(folder).intercepts.frame, planned.intercepts.frame)


# --- what the plan reaches and costs -----------------------------------------------------------------------

OTHERS = changed(
    SMALL, ("[plan.size.mean]\nsd = 1.2\nmargin = 0.4\n",
            '[plan.size.gap]\npairing = "independent"\nsd_e = 0.9\nsd_p = 1.2\nmargin = 0.4\nratio = 2\n'),
    ('instrument = "retail-13"', 'instrument = "servqual-22"'), ('name = "parking"', 'name = "place"'),
)  # fmt: skip


def test_what_the_plan_reaches_follows_from_its_own_quotas(planned):
    found, quotas = planned.reached, planned.intercepts.stores["quota"].to_numpy(float)
    assert quotas.sum() == 84
    deff = 1 + ((quotas**2).sum() / quotas.sum() - 1) * 0.05  # Kish: by the mean size of a respondent's own store
    assert found.frame["deff"][0] == pytest.approx(deff)
    margin = stats.t.ppf(0.975, 83) * 1.2 * np.sqrt(deff / 84)
    assert found.frame["reached"][0] == pytest.approx(margin, rel=1e-9)
    assert found.missed == []
    assert f"design effect {deff:.2f} from its own quotas: 12.0 interviews per store" in found.sentence()
    assert f"设计效应 {deff:.2f}，由各店配额算出：每店平均 12.0 份" in found.in_language("zh").sentence()


def test_only_perceptions_bear_the_design_effect_of_stores(tmp_path):
    planned = plan_study(write_study(tmp_path, OTHERS))
    deff, size = 1 + 9 * 0.05, planned.sizes["gap"]
    variance = lambda n: 0.9**2 / (n / 3) + deff * 1.2**2 / (2 * n / 3)  # noqa: E731
    assert stats.norm.ppf(0.975) * np.sqrt(variance(size.exact)) == pytest.approx(0.4, rel=0.02)
    assert planned.expectations == size.n_by_cell["expectation"]
    said = planned.headlines()[0]
    assert f"the gap asks for {planned.expectations} + {size.n_by_cell['perception']}" in said
    quotas = planned.intercepts.stores["quota"].to_numpy(float)
    own = 1 + ((quotas**2).sum() / quotas.sum() - 1) * 0.05
    se = np.sqrt(0.9**2 / planned.expectations + own * 1.2**2 / 84)
    assert planned.reached.frame["reached"][0] == pytest.approx(stats.norm.ppf(0.975) * se, rel=0.03)
    assert "expectation_in_stores = true" in planned.report().to_html()
    both = changed(OTHERS, ("ratio = 2", "ratio = 2\nexpectation_in_stores = true"))
    everybody = plan_study(write_study(tmp_path, both))
    assert everybody.sizes["gap"].deff == pytest.approx(deff)
    assert everybody.sizes["gap"].n > size.n
    assert "expectation_in_stores" not in "".join(text for text in everybody.headlines())


def test_interviews_that_are_expected_are_paid_for_and_those_elsewhere_get_a_form(tmp_path):
    folder = write_study(tmp_path / "a", changed(OTHERS, ("interview = 10", "interview = 10\nexpectation = 4")))
    planned = plan_study(folder)
    posts = planned.costs.frame.set_index("post")["number"]
    assert posts["interview"] == round(planned.intercepts.frame["interviews"].sum()) != 84
    assert posts["expectation"] == planned.expectations
    other = planned.expectation_questionnaire
    assert {question.name for question in other.questions} >= set(
        load_instrument("servqual-22").columns("expectation").values()
    )
    assert not {question.name for question in other.questions} & set(
        load_instrument("servqual-22").columns("perception").values()
    )
    planned.save_all(tmp_path / "out")
    written = {path.name for path in (tmp_path / "out" / "plan").iterdir()}
    assert {"expectation_form.xlsx", "expectation_questionnaire_zh.docx", "expectation_codebook.csv"} <= written


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Form for those asked elsewhere"), ("zh", "门店之外的预期调查问卷")]
)
def test_expectations_without_a_form_are_not_planned_and_this_is_said(tmp_path, language, said):
    text = changed(OTHERS, ('instrument = "servqual-22"', 'instrument = "servperf-22"'))
    planned = plan_study(write_study(tmp_path, text), language)
    assert planned.expectation_questionnaire is None
    assert said in planned.report().to_html()


def test_the_number_of_stores_never_exceeds_the_list(tmp_path):
    text = changed(
        SMALL,
        ("interviews = 3000", "interviews = 30000"),
        ("[plan.stores]", "[plan.size.stores]\nsd = 1.2\n\n[plan.stores]"),
    )
    planned = plan_study(write_study(tmp_path, text))
    assert planned.stages.frame["stores"].max() <= 12
    assert planned.stages.best["stores"] == 12
    assert planned.stages.best["df"] == planned.stages.best["interviews"] - 12, (
        "all stores visited: freedom lies within them"
    )


# --- small values ------------------------------------------------------------------------------------------


def test_costs_add_up_and_budgets_are_held_against_their_part():
    costs = cost_plan({"fixed": 1000, "store": 50, "session": 300, "currency": "CNY"},
                      {"store": 4, "interview": 90, "session": 2}, {"interviews": 1100, "focus_groups": 700})  # fmt: skip
    assert costs.total == 1000 + 200 + 600 == costs.frame["amount"].iloc[:-1].sum()
    assert (costs.over("interviews"), costs.over("focus_groups")) == (100, -100)
    assert "100 CNY more than the budget of 1,100 CNY" in costs.sentence()
    assert "超出预算 1,100 CNY 共 100 CNY" in costs.in_language("zh").sentence()
    assert costs.unpriced == ("interview",)
    assert costs.note() == "Planned, but without a price in [plan.costs]: exit interviews."
    assert "出口拦截访问" in costs.in_language("zh").note()


def test_a_kind_of_place_without_a_drawn_store_is_named():
    stores = pd.DataFrame({"area": ["street", "mall", "mall", "market"]})
    found = coverage(stores, stores.iloc[[0, 1]], ["area"])
    assert found.missed() == ["market"]
    assert "market" in found.note()
    assert "没有门店入样：market" in found.in_language("zh").note()
    assert found.frame["drawn"].sum() == 2
    assert io.StringIO(found.to_csv()).readline().startswith("variable,value,listed,drawn")


def test_settings_are_read_once_for_study_and_plan(small):
    content, name, folder = open_study(small / "study.toml")
    assert (name, folder) == ("study.toml", small)
    assert content["plan"]["seed"] == load_plan(small).seed == 5
