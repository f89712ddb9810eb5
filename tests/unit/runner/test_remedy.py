"""What stops an interpreter, in words, with the one command that mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reknit.errors import CannotJudgeError
from reknit.runner.environments import Interpreter, Kind
from reknit.runner.pytest import PytestRunner
from reknit.runner.remedy import install, missing_module, remake, unusable
from reknit.sandbox.unconfined import Unconfined
from tests import projects
from tests.unit.runner.environments import environment


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (Kind.UV, "uv pip install --python {} pytest"),
        (Kind.POETRY, "poetry add --group dev pytest"),
        (Kind.PDM, "pdm add --dev pytest"),
        (Kind.PIPENV, "pipenv install --dev pytest"),
        (Kind.PIXI, "pixi add pytest"),
        (Kind.CONDA, "conda install --prefix {prefix} pytest"),
    ],
)
def test_each_manager_has_its_command(tmp_path: Path, kind: Kind, command: str) -> None:
    python = environment(tmp_path / "my env", pytest=None)
    expected = command.format(f"'{python}'", prefix=f"'{python.parent.parent}'")
    assert install(kind, python, tmp_path) == expected


def test_a_uv_project_gets_it_as_a_dependency(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("")
    assert install(Kind.UV, tmp_path / ".venv/bin/python", tmp_path / "packages" / "one") == "uv add --dev pytest"


def test_pip_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = environment(tmp_path / "env", pytest=None)
    (tmp_path / "programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    assert install(Kind.TOX, python, tmp_path) == f"{python} -m ensurepip && {python} -m pip install pytest"
    (tmp_path / "programs" / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "programs" / "uv").chmod(0o755)
    assert install(Kind.TOX, python, tmp_path) == f"uv pip install --python {python} pytest"
    (tmp_path / "env/lib/python3.12/site-packages/pip").mkdir()
    assert install(Kind.PLAIN, python, tmp_path, "pytest>=4.6") == f"{python} -m pip install 'pytest>=4.6'"


class TestAModuleThatIsMissing:
    """Its name is what the project's code has printed: to install whatever has that name would be to obey it."""

    SAID = "ModuleNotFoundError: No module named 'some_thing.part'"

    def command(self, root: Path, python: Path, said: str = SAID) -> str | None:
        interpreter = Interpreter(python=python, origin="", kind=Kind.POETRY)
        return missing_module(said, interpreter, root, own=["mine"])

    @pytest.mark.parametrize(
        ("file", "text"),
        [
            ("pyproject.toml", "dependencies = ['Some-Thing>=1']"),
            ("requirements-dev.txt", "other\nsome.thing==1 ; python_version > '3'\n"),
            ("uv.lock", "x" * (1 << 20) + '\nname = "some-thing"\n'),
        ],
    )
    def test_one_that_the_project_names_is_installed(self, tmp_path: Path, file: str, text: str) -> None:
        (tmp_path / file).write_text(text)
        assert self.command(tmp_path, environment(tmp_path / ".venv")) == "poetry add --group dev some_thing"

    @pytest.mark.parametrize("text", ["", "some-thing-else", "not-some-thing", "some", "thing", "some-thing.evil"])
    def test_any_other_is_not(self, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda _name: None)
        python = environment(tmp_path / ".venv")
        assert self.command(tmp_path, python) is None
        (tmp_path / "requirements.txt").write_text(text)
        assert self.command(tmp_path, python) == f"{python} -m ensurepip && {python} -m pip install -r requirements.txt"
        (tmp_path / "pyproject.toml").write_text(f"dependencies = ['{text}']")
        assert self.command(tmp_path, python) == "poetry install"

    def test_nor_by_what_a_link_leads_to(self, tmp_path: Path) -> None:
        (tmp_path / "names").write_text("some-thing")
        (tmp_path / "project").mkdir()
        (tmp_path / "project" / "uv.lock").symlink_to("../names")
        assert self.command(tmp_path / "project", environment(tmp_path / "env")) is None

    def test_the_projects_own(self, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text("name = 'mine'")
        said = "No module named 'mine'"
        assert self.command(tmp_path, environment(tmp_path / ".venv"), said) == "poetry install"


def test_the_systems_python_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lib" / "python3.11").mkdir(parents=True)
    (tmp_path / "lib" / "python3.11" / "EXTERNALLY-MANAGED").write_text("")
    python = tmp_path / "bin" / "python3"
    wanted = f"{python} -m venv .venv && .venv/bin/python -m pip install pytest"
    assert install(Kind.PLAIN, python, tmp_path) == wanted


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_can_be_made_anew(kind: Kind) -> None:
    assert remake(kind, Path("/p/.venv"))


@pytest.mark.parametrize(
    ("python", "pytest_version", "slug"),
    [
        ("3.8.18", None, "old-python"),
        ("2.7.18", "4.6.11", "old-python"),
        ("3.9.0", "4.5.0", "old-pytest"),
        ("3.9.0", "4.6.0", None),
        ("3.9", "4.6", None),
        ("3.15.0", "10.0", None),
        ("3.12.1", "garbled", None),
        ("", None, None),
    ],
)
def test_the_oldest_that_are_of_use(python: str, pytest_version: str | None, slug: str | None) -> None:
    known = Interpreter(python=Path("/env/bin/python"), origin=".tox/py38", kind=Kind.TOX)
    error = unusable(known, Path("/project"), python=python, pytest=pytest_version)
    assert (error.slug if error else None) == slug
    if error:
        assert f"/env/bin/python (Python {python}, .tox/py38)" in error.message


def start(tmp_path: Path, python: Path) -> PytestRunner:
    root = projects.project(tmp_path, {})
    return PytestRunner(
        Unconfined(scratch=tmp_path / "scratch"),
        root=root,
        python=Interpreter(python=python, origin="asked for"),
        env={"PATH": os.defpath},
        arguments=(),
    )


def test_an_interpreter_too_old_for_the_probe_says_so(tmp_path: Path) -> None:
    """It cannot even read it."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] && echo python 2.7.18 || { echo SyntaxError; exit 1; }\n')
    python.chmod(0o755)
    with pytest.raises(CannotJudgeError, match=r"Python 2\.7\.18, asked for\) is older than 3\.9") as caught:
        start(tmp_path, python)
    assert caught.value.slug == "old-python"


def test_an_interpreter_that_does_not_start_says_so_with_its_words(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho ModuleNotFoundError: No module named encodings\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(CannotJudgeError, match=r"does not start.*\nModuleNotFoundError: No module named enc") as caught:
        start(tmp_path, python)
    assert caught.value.slug == "broken-environment"


def test_a_pytest_too_old_is_seen_before_anything_runs(tmp_path: Path) -> None:
    env = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", env], check=True)
    (site,) = env.glob("lib/python*/site-packages")
    (site / "pytest-4.5.0.dist-info").mkdir()
    (site / "pytest-4.5.0.dist-info" / "METADATA").write_text("Name: pytest\nVersion: 4.5.0\n")
    with pytest.raises(CannotJudgeError, match=r"has pytest 4\.5\.0, and reknit needs 4\.6") as caught:
        start(tmp_path, env / "bin" / "python")
    assert "'pytest>=4.6'" in (caught.value.hint or "")


def test_without_pytest_the_error_names_all_that_helps(tmp_path: Path) -> None:
    env = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", env], check=True)
    runner = start(tmp_path, env / "bin" / "python")
    with pytest.raises(CannotJudgeError, match="has no pytest") as caught:
        runner.suite(deadline=time.monotonic() + 60, hang_seconds=5)
    version = ".".join(map(str, sys.version_info[:3]))
    assert f"{env}/bin/python (Python {version}, asked for)" in caught.value.message
    tool = "uv pip install --python" if shutil.which("uv") else "-m pip install pytest"
    assert tool in (caught.value.hint or "")
