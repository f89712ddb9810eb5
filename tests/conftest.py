"""What every test shares: tools and interpreters that a machine may lack."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No clocks: the machine may be loaded. A failure in CI must come again.
settings.register_profile(
    "reknit", deadline=None, derandomize=os.environ.get("CI") == "true", suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("reknit")

_SLOW = frozenset({"e2e", "escape", "fault"})
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13")


def _runs(path: Path, version: str) -> bool:
    """Whether it is that version: a name on PATH may be a shim that only prints an error."""
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version


@functools.cache
def find_python(version: str) -> Path | None:
    """An interpreter of this version ("3.9"), from PATH or ~/.pyenv/versions, or None."""
    name = f"python{version}"
    on_path = (Path(folder) / name for folder in os.environ.get("PATH", "").split(os.pathsep) if folder)
    # Not `Path.home()`: a test may give the process another HOME after this was first asked.
    installed = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python"))
    return next((p for p in (*installed, *on_path) if p.is_file() and _runs(p, version)), None)


def missing_tool(*names: str) -> str | None:
    """The first of these programs that is not on PATH, or None."""
    return next((name for name in names if shutil.which(name) is None), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What drives the program as a user does, attacks its sandbox or kills it, is slow."""
    for item in items:
        if not _SLOW.isdisjoint(item.path.parts):
            item.add_marker("slow")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run; where CI=true a missing tool is a failure instead."""
    for mark in item.iter_markers("needs_tool"):
        tool = missing_tool(*mark.args)
        if tool is not None and os.environ.get("CI") == "true":
            pytest.fail(f"{tool} is not installed; ci/apt.txt should name its package", pytrace=False)
        if tool is not None:
            pytest.skip(f"needs {tool}")
    for mark in item.iter_markers("needs_python"):
        if find_python(mark.args[0]) is None:
            pytest.skip(f"needs python{mark.args[0]}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the interpreters that no test could use."""
    missing = [version for version in PYTHONS if find_python(version) is None]
    if missing:
        terminalreporter.write_line("not found, so not tested: " + ", ".join(f"python{v}" for v in missing))


@pytest.fixture(scope="session")
def pythons() -> dict[str, Path]:
    """Every interpreter found, by version."""
    return {version: path for version in PYTHONS if (path := find_python(version)) is not None}
