"""A study that asks only perceptions, and what reports say of suppressed rows, narrow intervals and points."""

import re

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner

from servqual.cli import cli
from servqual.difference_scores import EffectSizes
from servqual.inference import NARROW, REASONS
from servqual.instruments import load_instrument
from servqual.study import load_study
from survey_design.errors import DataError

pytestmark = pytest.mark.usefixtures("fits_kept")

SERVPERF = load_instrument("servperf-22")
FILE = '[responses]\nfile = "answers.csv"\n'


def made(folder, settings="", instrument=SERVPERF, tier="aaaabbbbbb", n=60, store=None, **columns):
    """A study folder with answers of ``n`` people; ``tier`` is repeated."""
    dice = np.random.default_rng(3)
    frame = pd.DataFrame({"tier": [tier[k % len(tier)] for k in range(n)],
                          "store": [k % 12 for k in range(n)] if store is None else store})  # fmt: skip
    for form in instrument.forms:
        for name in instrument.columns(form.name).values():
            frame[name] = dice.integers(3, 8, n)
    frame = frame.assign(**columns)
    frame.to_csv(folder / "answers.csv", index=False)
    start = f'instrument = "{instrument.name}"\n'
    (folder / "study.toml").write_text(f"{start}{FILE}{settings}", encoding="utf-8")
    return load_study(folder), frame


def tables(report):
    return {table.name: table.result for table in report.tables()}


def text(report):
    return BeautifulSoup(report.to_html(), "html.parser").get_text(" ", strip=True)


@pytest.mark.parametrize(("language", "section"), [("en", "Perceived performance"), ("zh", "感知得分")])
def test_a_perceptions_only_study_is_reported(tmp_path, language, section):
    study, frame = made(tmp_path, '[gaps]\nby = ["tier"]\n[stores]\n')
    assert study.check().ok
    results = study.results(language)
    report = results.report()
    found = tables(report)
    assert section in [each.title for each in report.sections]
    assert not results.gaps
    assert not any(name.startswith(("dimensions", "joint", "comparison")) for name in found)
    columns = SERVPERF.columns("perception")
    means = {item: frame[column].mean() for item, column in columns.items()}
    items = found["performance items"].frame.set_index("item")["perception"]
    assert items.to_dict() == pytest.approx(means)
    total = found["performance total by tier"].frame.query("total == 'sum'").set_index("tier")["perception"]
    assert total.to_dict() == pytest.approx(frame.groupby("tier")[list(columns.values())].sum().sum(axis=1).div(
        frame.groupby("tier").size()).to_dict())  # fmt: skip
    assert "perception" in found["estimates by store"].frame
    assert all(isinstance(line, str) and line for line in results.headlines())


def test_the_lowest_dimension_is_told_with_its_mean(tmp_path):
    study, frame = made(tmp_path)
    reliability = [SERVPERF.columns("perception")[i.id] for i in SERVPERF.items if i.dimension == "reliability"]
    frame[reliability] = 2
    frame.loc[0, reliability] = 3
    frame.to_csv(tmp_path / "answers.csv", index=False)
    assert study.results().headlines()[1].startswith(f"Reliability: perceived at {2 + 1 / 60:.2f} points (95% CI ")
    assert study.results("zh").headlines()[1].startswith(f"可靠性：感知得分 {2 + 1 / 60:.2f} 分（95%")


def test_small_groups_are_one_word_in_rows_and_one_sentence_below(tmp_path):
    study, _ = made(tmp_path, '[gaps]\nby = ["tier"]\n', tier="a" * 28 + "b" * 30 + "c" * 2)
    for language, word in (("en", "suppressed"), ("zh", "已隐去")):
        report = study.report(language)
        table = tables(report)["performance by tier"]
        hidden = table.frame["tier"].isin(["a", "c"])
        assert table.frame.loc[hidden, "perception"].isna().all()
        assert table.frame.loc[~hidden, "perception"].notna().all()
        assert set(table.shown().iloc[:, -1][hidden.to_numpy()]) == {word}
        assert table.note().lower().count(REASONS["suppressed"][language]) == 1
        assert not re.search(r"n per row 2|每行样本量 2\b", table.note())


@pytest.mark.usefixtures("pictures_unsaved")
def test_a_gap_table_says_suppressed_once_too(tmp_path):
    study, _ = made(
        tmp_path, '[gaps]\nby = ["tier"]\n', load_instrument("retail-13"), tier="a" * 28 + "b" * 30 + "c" * 2
    )
    report = study.report()
    table = tables(report)["dimensions by tier"]
    assert (table.shown().iloc[:, -1] == "suppressed").sum() == 2 * len(load_instrument("retail-13").dimensions)
    assert text(report).count(REASONS["suppressed"]["en"][1:]) <= len(report.tables())


@pytest.mark.usefixtures("pictures_unsaved")
@pytest.mark.parametrize("instrument", ["servperf-22", "retail-13"])
def test_narrow_intervals_stand_in_a_box(tmp_path, instrument):
    store = np.repeat(range(20), [80, 70, *[5] * 18])
    options = {"n": 240, "store": store, "tier": "ab"}
    made(tmp_path, "", load_instrument(instrument), **options)
    study = load_study(tmp_path)
    assert NARROW["en"][:20] not in "".join(boxes(study.report()))
    toml = tmp_path / "study.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + 'clusters = "store"\n', encoding="utf-8")
    for language in ("en", "zh"):
        start = NARROW[language].split("{rows}")[0].capitalize()
        found = [box for box in boxes(load_study(tmp_path).report(language)) if box.startswith(start)]
        assert len(found) == 2  # in short, and above the table
        assert found[0].startswith(f"{start} (everybody)" if language == "en" else f"{start}（全体）")


def boxes(report):
    return [box.text for box in BeautifulSoup(report.to_html(), "html.parser").select("p.caution")]


def test_mean_points_have_a_table_and_only_totals_speak_of_weights(tmp_path):
    instrument = load_instrument("servqual-22")
    names = [dimension.id for dimension in instrument.dimensions]
    points = {f"w{k}": value for k, value in enumerate([10, 30, 20, 25, 15])}
    columns = ", ".join(f'{name} = "w{k}"' for k, name in enumerate(names))
    study, _ = made(tmp_path, f"[importance]\ncolumns = {{ {columns} }}\n", instrument, **points)
    found = tables(study.report())
    assert found["importance"].frame["points"].tolist() == pytest.approx([10, 30, 20, 25, 15])
    said = {name: "weighted total: " in found[name].note() for name in ("dimensions", "items", "total")}
    assert said == {"dimensions": False, "items": False, "total": True}


@pytest.mark.usefixtures("pictures_unsaved")
def test_the_distribution_is_filed_and_not_on_the_page(tmp_path):
    study, _ = made(tmp_path)
    report = study.report()
    page = BeautifulSoup(report.to_html(), "html.parser")
    captions = [caption.text for caption in page.find_all("caption")]
    table = tables(report)["answers"]
    assert table.title() not in captions
    assert "tables/answers.csv" in page.text
    assert len(table.frame) == 22 * 7


def test_a_wrong_split_stops_before_scoring(tmp_path):
    study, _ = made(tmp_path, '[gaps]\nby = "tiers"\n')
    told = []
    with pytest.raises(DataError, match=r"no column 'tiers'. Did you mean 'tier'"):
        study.results(tell=told.append)
    assert told == ["reading answers.csv"]


def test_the_last_part_of_a_heading_is_recognised(tmp_path):
    study, _ = made(tmp_path, '[gaps]\nby = "area"\n', **{"Person area": "x"})
    with pytest.raises(DataError, match=r"no column 'area'. Did you mean 'Person area'"):
        study.results()


def test_check_counts_words_that_stand_in_many_cells(tmp_path):
    _, frame = made(tmp_path)
    columns = list(SERVPERF.columns("perception").values())
    frame = frame.astype(object)
    frame.loc[:29, columns[:2]] = "agree"
    frame.loc[40, columns[3]] = "perhaps"
    frame.to_csv(tmp_path / "answers.csv", index=False)
    said = CliRunner().invoke(cli, ["check", str(tmp_path)])
    assert said.exit_code == 1
    assert (
        "'agree' stands in 60 cells of 2 columns, first in row 2: if it is an answer, give it a number in value_labels"
        in said.output
    )
    assert said.output.count("agree") == 1
    assert "perhaps" in said.output


@pytest.mark.parametrize(("p", "title"), [(0.2, "Effect sizes and signed ranks"), (np.nan, "Effect sizes")])
def test_signed_ranks_are_in_the_title_only_where_there_are_any(p, title):
    assert EffectSizes(pd.DataFrame({"measure": ["mean"], "wilcoxon_p": [p]})).title() == title
    assert ("符号秩" in EffectSizes(pd.DataFrame({"wilcoxon_p": [p]}), "zh").title()) == (title != "Effect sizes")
