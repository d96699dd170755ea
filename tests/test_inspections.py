"""What a study says of mystery visits: its files are read before anything is computed, and their faults are named."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from servqual.study import load_study
from survey_design.errors import DataError

SAMPLE = "data/sample"


def with_inspectors(tmp_path, **columns):
    """The sample's inspection with another list of inspectors, whose columns are replaced."""
    listed = pd.read_csv(f"{SAMPLE}/inspectors.csv", dtype=str, keep_default_na=False)
    path = tmp_path / "inspectors.csv"
    listed.assign(**columns).drop(columns=[name for name, cells in columns.items() if cells is None]).to_csv(
        path, index=False
    )
    return replace(load_study(SAMPLE).inspection, inspectors=path)


def test_words_where_a_capacity_should_be_are_faults_with_their_places(tmp_path):
    n = len(pd.read_csv(f"{SAMPLE}/inspectors.csv"))
    asked = with_inspectors(tmp_path, capacity=["many", " 9 ", "", "ten", *["8"] * (n - 4)])
    with pytest.raises(DataError, match=r"inspectors\.csv") as caught:
        asked.read("en")
    assert caught.value.cases[["inspector", "row", "column", "value"]].to_numpy().tolist() == [
        ["I01", 2, "capacity", "many"],
        ["I04", 5, "capacity", "ten"],
    ]


def test_a_blank_capacity_is_no_fault(tmp_path):
    n = len(pd.read_csv(f"{SAMPLE}/inspectors.csv"))
    capacity = with_inspectors(tmp_path, capacity=["", *["8"] * (n - 1)]).read("en")[3]["capacity"]
    assert capacity.isna().tolist() == [True, *[False] * (n - 1)]
    assert capacity[1:].unique().tolist() == [8.0]


def test_a_list_without_inspectors_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"inspectors\.csv has no column 'inspector'"):
        with_inspectors(tmp_path, inspector=None).read("en")
