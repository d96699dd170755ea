"""Where reference data lie, what several files of tests share, and how the files are shared out among workers."""

from __future__ import annotations

import gc
import json
import os
import pickle
from collections.abc import Callable
from functools import wraps
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


# --- what tests of other things need not do again ----------------------------------------------------------


@pytest.fixture
def pictures_unsaved(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what a page says: its pictures are drawn, and not saved as SVG."""
    monkeypatch.setattr("servqual.plots.save_svg", lambda _: "<svg/>")


@pytest.fixture
def fits_kept(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, bytes]:
    """Factor models are fitted once for the same numbers, on which alone they depend: a file is checked and reported."""
    from servqual.cfa import fit
    from servqual.psychometrics import coefficients

    for module, name in ((fit, "searched"), (coefficients, "_fit")):
        monkeypatch.setattr(module, name, kept(getattr(module, name)))
    return _KEPT


_KEPT: dict[bytes, bytes] = {}


def kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, run once for arguments whose contents are the same; each caller has a copy of what it found."""

    @wraps(function)
    def found(*given: Any) -> Any:
        key = pickle.dumps((function.__module__, given))
        if key not in _KEPT:
            _KEPT[key] = pickle.dumps(function(*given))
        return pickle.loads(_KEPT[key])

    return found


# --- who runs what -----------------------------------------------------------------------------------------

# Thousands of tests and the modules they need live to the end: garbage is not looked for while they are collected, nor among
# them afterwards.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # some libraries complain of what is never freed


# These share what they compute, so one worker takes them.
OF_THE_SAMPLE = (
    *("tests/test_report.py", "tests/test_workbook.py", "tests/test_voices.py"),
    *("tests/test_causes.py", "tests/test_decisions.py", "tests/test_study.py", "tests/test_footnotes.py"),
)
# Begun first, so that all workers end together; the rest follows as it is collected, small files (doctests) last.
LONGEST = (
    *OF_THE_SAMPLE,
    *("tests/test_notebooks.py", "tests/test_hostile_files.py", "tests/test_index_weights.py"),
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
