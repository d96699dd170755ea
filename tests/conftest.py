"""Where reference data lie, what several files of tests share, and how the files are shared out among workers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

SHARED = Path(__file__).parents[2] / "shared"


class Shared:
    """Real data and independent reference results kept beside the project, outside of it."""

    def frame(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.path("data", name))

    def oracle(self, name: str) -> dict[str, Any]:
        return json.loads(self.path("oracles", name).read_text(encoding="utf-8"))

    def path(self, *parts: str) -> Path:
        path = SHARED.joinpath(*parts)
        if not path.exists():
            if os.environ.get("SERVQUAL_REFERENCE") == "1":
                pytest.fail(f"reference file {'/'.join(parts)} is absent, and SERVQUAL_REFERENCE=1 forbids skipping")
            pytest.skip(f"reference file {'/'.join(parts)} is kept beside the project and is absent here")
        return path


@pytest.fixture(scope="session")
def shared() -> Shared:
    return Shared()


# --- the sample study, read and computed once per worker ---------------------------------------------------


@pytest.fixture(scope="session")
def sample_results() -> dict[str, Any]:
    """The results of the sample study by language."""
    from servqual.study import load_study

    study = load_study("data/sample")
    # Names of groups are in the language of a run.
    return {language: study.results(language) for language in ("en", "zh")}


@pytest.fixture(scope="session")
def sample_reports(sample_results: dict[str, Any]) -> dict[str, Any]:
    """The reports of the sample study by language."""
    return {language: results.report() for language, results in sample_results.items()}


# --- who runs what -----------------------------------------------------------------------------------------

# These share what they compute, so one worker takes them.
OF_THE_SAMPLE = (
    *("tests/test_report.py", "tests/test_workbook.py", "tests/test_voices.py"),
    *("tests/test_causes.py", "tests/test_decisions.py"),
)
# Begun first, so that all workers end together; the rest follows as it is collected, small files (doctests) last.
LONGEST = (
    *OF_THE_SAMPLE,
    *("tests/test_notebooks.py", "tests/test_hostile_files.py", "tests/test_study.py", "tests/test_index_weights.py"),
    *("tests/test_planning.py", "tests/test_power.py", "tests/test_performance_report.py", "tests/test_gaps.py"),
    *("tests/test_cli.py", "tests/test_intercepts.py", "tests/test_plots.py", "tests/test_streams.py"),
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {file: k for k, file in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.split("::")[0], len(LONGEST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Whole files (--dist loadfile), but each notebook by itself, and the readers of the sample study together."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class InFiles(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            if file in OF_THE_SAMPLE:
                return "the sample study"
            return nodeid if file == "tests/test_notebooks.py" else file

    config.option.loadscopereorder = False  # by the number of tests, which says little of the time they take
    return InFiles(config, log)
