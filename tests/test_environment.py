"""The ways to install the project agree: pyproject.toml, environment.yml and the lock files."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-uv.lock", "requirements-bench.lock")
CARD = {"jupyterlab", "pandas", "statsmodels", "factor-analyzer", "seaborn", "pingouin"}
PYPI_NAME = {"matplotlib-base": "matplotlib", "python-duckdb": "duckdb"}  # where conda-forge uses another name


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def ranges(lines: list[str]) -> dict[str, str]:
    """Name -> version range, in one spelling; the project's references to its own extras left out."""
    parsed = [Requirement(line) for line in lines]
    names = [canonicalize_name(r.name) for r in parsed]
    assert len(set(names) - {"servqual"}) == len([n for n in names if n != "servqual"]), "a name stands twice"
    return {n: str(r.specifier) for n, r in zip(names, parsed, strict=True) if n != "servqual"}


def declared() -> dict[str, str]:
    project = pyproject()
    extras = [line for name, lines in project["optional-dependencies"].items() if name != "bench" for line in lines]
    return ranges([*project["dependencies"], *extras])


def conda_and_pip_lines() -> tuple[list[str], list[str]]:
    entries = environment()["dependencies"]
    conda = [entry for entry in entries if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    return conda, pip


def locked() -> list[Requirement]:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return [Requirement(line.rstrip("\\ ")) for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]


def test_environment_takes_packages_from_conda_forge_only():
    # "nodefaults" is no channel: it shuts out the ones a user's own configuration would add
    assert set(environment()["channels"]) == {"conda-forge", "nodefaults"}
    conda, _ = conda_and_pip_lines()
    assert not [line for line in conda if "::" in line or "/" in line]


def test_environment_holds_the_requirements_with_the_same_ranges():
    conda, pip = conda_and_pip_lines()
    assert pip[-1] == "-e .", "the project itself comes last"
    by_conda_name = ranges([*conda, *pip[:-1]])
    assert by_conda_name.pop("python") == str(SpecifierSet(pyproject()["requires-python"]))
    assert by_conda_name.pop("pip") == ""
    assert {PYPI_NAME.get(name, name): spec for name, spec in by_conda_name.items()} == declared()


def test_the_six_packages_of_the_brief_are_there():
    conda, _ = conda_and_pip_lines()
    assert set(ranges(conda)) >= CARD
    assert set(declared()) >= CARD


def test_extra_all_names_every_other_extra_but_the_peers():
    extras = pyproject()["optional-dependencies"]
    (everything,) = [Requirement(line) for line in extras["all"]]
    assert everything.extras == set(extras) - {"all", "bench"}  # peers to be timed against come with make bench


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_every_requirement_is_locked_inside_its_range(python):
    here = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    versions = {
        canonicalize_name(r.name): Version(str(r.specifier).removeprefix("=="))
        for r in locked()
        if r.marker is None or r.marker.evaluate(here)
    }
    outside = {
        name: f"{versions.get(name)} is not in {spec or 'any'}"
        for name, spec in declared().items()
        if name not in versions or not Requirement(f"{name}{spec}").specifier.contains(versions[name])
    }
    assert not outside


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_place_and_hashes_everything(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "file:" not in text
    assert not re.search(r"(?:^|[\s='\"])(?:/|~/|[A-Za-z]:\\)", text, re.MULTILINE), "a path"
    assert not re.search(r"^\s*-(?:-(?!hash=)|[a-z])", text, re.MULTILINE), "an option such as --find-links"
    pinned = re.findall(r"^[A-Za-z0-9][^\n]*", text, re.MULTILINE)
    assert pinned
    assert not [line for line in pinned if "==" not in line or not line.endswith("\\")]
