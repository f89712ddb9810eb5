"""What doctor finds: nothing is called well that was not looked at, and what is missing comes with what mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from reknit.config import Options
from reknit.doctor.checkup import Checkup, Finding, Health
from reknit.doctor.examine import examine
from reknit.doctor.findings import TRACERS, _bubblewrap
from reknit.errors import UsageError
from reknit.sandbox.base import Level, Sandbox
from reknit.sandbox.unconfined import Unconfined

CALC = {"calc.py": "def add(a, b):\n    return a + b\n", "test_calc.py": "import calc\n\ndef test_add(): pass\n"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a project; nothing of this machine's isolation or active environment counts."""
    root = tmp_path.resolve() / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\nname = 'calc'\nversion = '1'\n")
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    working(monkeypatch, Unconfined(scratch=tmp_path, level=Level.BUBBLEWRAP))
    return root


def working(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox | None, *reasons: str) -> None:
    """Makes doctor find this sandbox."""
    monkeypatch.setattr("reknit.doctor.examine.survey", lambda _preferred: (sandbox, reasons))


def look(root: Path, files: Mapping[str, str], *, python: Path | None = Path(sys.executable)) -> Checkup:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return examine(Options(project=root, python=python, state_dir=root.parent / "state", env=env))


def about(checkup: Checkup, topic: str) -> Finding:
    return next(f for f in checkup.findings if f.topic == topic)


def test_all_is_well(root: Path) -> None:
    (root / ".git").mkdir()
    seen = look(root, CALC)
    assert {f.topic: f.health for f in seen.findings if f.health is not Health.WELL} == {}
    assert seen.can_heal
    assert seen.summary == "reknit can heal here"
    assert (seen.tests, seen.layout, seen.isolation) == (1, "flat", "bubblewrap")
    assert (seen.project, seen.repository) == (str(root), str(root))
    assert seen.python_version == ".".join(map(str, sys.version_info[:3]))
    assert [(i.name, i.inside) for i in seen.imported] == [("calc", True)]
    assert seen.coverage in TRACERS.values()
    assert "pyproject.toml" in about(seen, "project").text


def test_how_candidates_would_be_judged(root: Path) -> None:
    seen = look(root, CALC)
    assert (seen.step, about(seen, "candidates").details) == ("direct", ())
    hook = "def pytest_runtest_makereport(item, call): pass\n"
    seen = look(root, {"conftest.py": hook})
    assert (seen.step, about(seen, "candidates").details) == (
        "collected",
        ("no faster step: direct: conftest has a pytest_runtest_makereport hook",),
    )


def test_the_collection_runs_no_test(root: Path) -> None:
    look(root, {"test_a.py": f"def test_a():\n    open({str(root / 'ran')!r}, 'w')\n"})
    assert not (root / "ran").exists()


def test_without_isolation_nothing_is_run_and_nothing_called_well(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reknit.doctor.examine.PytestRunner", None)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(root))
    working(monkeypatch, None, "bubblewrap: bwrap is not installed", "landlock: none")
    seen = look(root, CALC)
    assert not seen.can_heal
    found = about(seen, "isolation")
    assert (found.health, found.slug, len(found.details)) == (Health.ILL, "no-sandbox", 2)
    assert found.fix == "install bubblewrap with your system's package manager"
    unchecked = {f.topic for f in seen.findings if f.health is Health.UNCHECKED}
    assert unchecked == {"interpreter", "pytest", "tests", "imports", "candidates", "coverage"}


def test_a_weaker_isolation_says_why(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    working(monkeypatch, Unconfined(scratch=tmp_path, level=Level.LANDLOCK), "bubblewrap: no user namespaces")
    found = about(look(root, CALC), "isolation")
    assert (found.health, found.details) == (Health.DOUBTFUL, ("no better one: bubblewrap: no user namespaces",))


def test_no_tests(root: Path) -> None:
    seen = look(root, {"calc.py": ""})
    assert not seen.can_heal
    assert (about(seen, "tests").health, about(seen, "tests").slug) == (Health.ILL, "no-tests")
    assert about(seen, "pytest").health is Health.WELL
    assert about(seen, "imports").health is Health.UNCHECKED


def test_what_cannot_be_imported_comes_with_a_command(root: Path) -> None:
    (root / "uv.lock").write_text("")
    seen = look(root, {"test_a.py": "import gone_module\n"})
    assert seen.summary == "reknit cannot heal here; to be mended: tests"
    found = about(seen, "tests")
    assert (found.health, found.slug, found.fix) == (Health.ILL, "collection", "uv sync")
    assert found.details == ("test_a.py: ModuleNotFoundError: No module named 'gone_module'",)
    seen = look(root, {"test_b.py": "def test_b(): pass\n"})
    assert about(seen, "tests").health is Health.DOUBTFUL, "the rest can be judged"
    assert "with none heal ends with 4" in about(seen, "tests").text
    assert seen.can_heal
    assert seen.summary.startswith("reknit can heal here only tests that were collected and fail")


def test_a_syntax_error_is_no_missing_module(root: Path) -> None:
    found = about(look(root, {"test_a.py": "def test_(:\n"}), "tests")
    assert "SyntaxError" in found.details[0]
    assert found.fix is not None
    assert found.fix.startswith("mend the import")


def bare(folder: Path) -> Path:
    """A true environment, with our pytest and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "ours.pth").write_text(f"{Path(pytest.__file__).parent.parent}\n")
    return site


def test_a_package_that_comes_from_elsewhere_is_seen(root: Path, tmp_path: Path) -> None:
    """An installed copy: patches of the project would never be run."""
    site = bare(tmp_path / "env")
    (site / "calc").mkdir()
    (site / "calc" / "__init__.py").write_text("")
    files = {"src/calc/__init__.py": "", "tests/test_calc.py": "import calc\n\ndef test_a(): pass\n"}
    seen = look(root, files, python=tmp_path / "env")
    found = about(seen, "imports")
    assert found.health is Health.DOUBTFUL
    assert found.details == (f"calc is {site}/calc/__init__.py, not src/calc",)
    assert found.fix is not None
    assert found.fix.endswith("--editable .")
    assert [(i.inside, i.elsewhere) for i in seen.imported] == [(False, f"{site}/calc/__init__.py")]


def test_without_pytest_the_rest_is_unchecked(root: Path, tmp_path: Path) -> None:
    site = bare(root / ".venv")
    (site / "ours.pth").unlink()
    seen = look(root, CALC, python=None)
    assert seen.python_origin == ".venv"
    found = about(seen, "pytest")
    assert (found.health, found.slug) == (Health.ILL, "no-pytest")
    assert str(root / ".venv/bin/python") in (found.fix or "")
    assert about(seen, "tests").health is Health.UNCHECKED


def test_an_environment_that_was_passed_over_is_told(root: Path) -> None:
    bare(root / ".venv")
    (root / ".venv" / "bin" / "python").unlink()
    (root / ".venv" / "bin" / "python").symlink_to("/gone/python3")
    seen = look(root, CALC, python=None)
    (passed,) = seen.passed_over
    assert (passed.origin, passed.why) == (".venv", "is broken: its interpreter leads to /gone/python3, which is gone")
    found = about(seen, "interpreter")
    assert found.health is Health.DOUBTFUL
    assert found.fix == "python3 -m venv .venv && .venv/bin/python -m pip install pytest -e ."


def test_an_interpreter_of_no_use_is_a_finding(root: Path, tmp_path: Path) -> None:
    site = bare(tmp_path / "env")
    (site / "pytest-4.0.dist-info").mkdir()
    (site / "pytest-4.0.dist-info" / "METADATA").write_text("Name: pytest\nVersion: 4.0\n")
    found = about(look(root, CALC, python=tmp_path / "env"), "interpreter")
    assert (found.health, found.slug) == (Health.ILL, "old-pytest")


def test_a_folder_without_any_mark(root: Path) -> None:
    (root / "pyproject.toml").unlink()
    assert about(look(root, CALC), "project").health is Health.DOUBTFUL


def test_a_state_folder_that_cannot_be_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != root.parent and access(path, mode))
    seen = look(root, CALC)
    assert (about(seen, "state").health, about(seen, "state").slug) == (Health.ILL, "store-unusable")
    assert not seen.can_heal


def test_what_the_user_got_wrong_is_an_error(root: Path) -> None:
    with pytest.raises(UsageError, match="is no interpreter"):
        look(root, CALC, python=root / "gone")
    with pytest.raises(UsageError, match="lies inside the project"):
        examine(Options(project=root, state_dir=root / "state"))


@pytest.mark.parametrize("program", ["apt-get", "dnf", "pacman"])
def test_the_command_for_bubblewrap_is_of_this_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (tmp_path / program).write_text("#!/bin/sh\n")
    (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert (_bubblewrap() or "").startswith(f"sudo {program} ")
    shutil.copy(tmp_path / program, tmp_path / "bwrap")
    assert _bubblewrap() is None
