"""`make demo` and `make test` on machines that lack something: the right words, and nothing left behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "make", "cat", "cksum", "sed", "grep", "rm", "basename", "dirname", "mktemp")

pytestmark = pytest.mark.needs_tool("make")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the commands read, in a folder of its own."""
    folder = tmp_path / "clone"
    for name in ("Makefile", "pyproject.toml", "requirements", "scripts"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture
def bin_(tmp_path: Path) -> Path:
    """A PATH with the usual tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder


def program(path: Path, text: str) -> None:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def make(clone: Path, bin_: Path, target: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(bin_), "HOME": str(clone), "LC_ALL": "C"}
    return subprocess.run(["make", target], cwd=clone, env=env, capture_output=True, text=True, timeout=60, check=False)


def python_without_ensurepip(path: Path) -> None:
    """As on Debian: the interpreter is there, python3-venv is not."""
    hidden = "import sys; sys.modules['ensurepip'] = None"
    program(
        path,
        f'[ "$1" = -c ] || {{ echo "unexpected: $*" >&2; exit 9; }}\nexec {sys.executable} -I -c "{hidden}\n$2"\n',
    )


@pytest.mark.parametrize("target", ["demo", "test"])
@pytest.mark.parametrize("name", ["python3", "python3.11"])
def test_without_ensurepip_one_line_says_what_to_install(clone: Path, bin_: Path, target: str, name: str) -> None:
    python_without_ensurepip(bin_ / name)
    done = make(clone, bin_, target)
    assert done.returncode != 0
    assert "has no ensurepip" in done.stderr
    assert "nothing was made" in done.stderr
    version = "3" if name == "python3" else f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert re.findall(r"^ +sudo .*$", done.stderr, re.MULTILINE) == [f"    sudo apt-get install python{version}-venv"]
    assert not (clone / ".venv").exists()


def test_without_python_one_line_says_what_to_install(clone: Path, bin_: Path) -> None:
    """A shim that only prints an error, and a Python that is too old, are none."""
    program(bin_ / "python3.13", "echo 'not installed' >&2; exit 127\n")
    program(bin_ / "python3", "exit 1\n")
    done = make(clone, bin_, "demo")
    assert done.returncode != 0
    assert "neither Python 3.11 or newer nor uv" in done.stderr
    assert len(re.findall("apt-get install", done.stderr)) == 1
    assert not (clone / ".venv").exists()


def test_uv_is_used_where_there_is_no_ensurepip(clone: Path, bin_: Path) -> None:
    """And a set-up that breaks off leaves no half environment."""
    python_without_ensurepip(bin_ / "python3")
    program(bin_ / "uv", 'echo "$@" >> uv.log\n[ "$1" = venv ] && mkdir -p .venv || exit 7\n')
    (bin_ / "mkdir").symlink_to(shutil.which("mkdir") or "")
    done = make(clone, bin_, "demo")
    assert done.returncode != 0
    calls = (clone / "uv.log").read_text().splitlines()
    assert calls[0].startswith("venv")
    assert "--require-hashes -r requirements/runtime.txt" in calls[1]
    assert not (clone / ".venv").exists()


def test_the_users_own_environment_is_left_alone(clone: Path, bin_: Path) -> None:
    (bin_ / "python3").symlink_to(sys.executable)
    (clone / ".venv").mkdir()
    (clone / ".venv" / "mine").touch()
    done = make(clone, bin_, "demo")
    assert done.returncode != 0
    assert "was not made by this script" in done.stderr
    assert (clone / ".venv" / "mine").exists()


def test_the_second_time_nothing_is_installed(clone: Path, bin_: Path) -> None:
    """The stamp says that .venv fits the locks; another lock, and it does not."""
    venv = clone / ".venv" / "bin"
    venv.mkdir(parents=True)
    program(venv / "python", "exit 0\n")
    program(venv / "reknit", 'echo "healed: $*"\n')
    state = subprocess.run(
        ["sh", "-c", "{ pwd -P; cat pyproject.toml requirements/runtime.txt; } | cksum"],
        cwd=clone, capture_output=True, text=True, check=True, env=os.environ,
    ).stdout  # fmt: skip
    (clone / ".venv" / ".reknit-runtime").write_text(state)
    done = make(clone, bin_, "demo")
    assert (done.returncode, done.stdout) == (0, "healed: demo\n")
    (clone / "requirements" / "runtime.txt").write_text("changed")
    assert make(clone, bin_, "demo").returncode != 0


def test_checks_all_run_and_any_fails_the_run(clone: Path, bin_: Path) -> None:
    venv = clone / ".venv" / "bin"
    venv.mkdir(parents=True)
    program(venv / "python", 'echo "$2" >> ran.log\n[ "$2" != mypy ]\n')
    done = subprocess.run(
        ["sh", "scripts/check.sh"], cwd=clone, env={"PATH": str(bin_)}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert (clone / "ran.log").read_text().split() == ["ruff", "ruff", "mypy", "pytest"]
    assert re.findall(r"^(ok|FAILED)\s+(\w+)", done.stdout, re.MULTILINE) == [
        ("ok", "lint"), ("ok", "format"), ("FAILED", "types"),
    ]  # fmt: skip
