"""Ways out through an environment that comes with the repository: it names what it wants to see."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from reknit.runner import interpreter
from reknit.runner.pytest import PytestRunner
from reknit.sandbox import Sandbox
from tests.e2e.machine import build_environment
from tests.escape.jail import CONFINED, open_jail

TRY = """
import os, pytest

@pytest.mark.parametrize("path", {paths!r}, ids=str)
def test_it_is_seen(path):
    assert open(path).read() == "content"
"""


@pytest.fixture(params=CONFINED)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_jail(request.param)


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("content")
    return path


def test_only_the_repository_is_seen(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sibling is; a folder outside, the history, and what a link leads to are not, in whichever way they are named."""
    repo = tmp_path.resolve() / "repo"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    sibling = put(repo / "packages" / "two" / "file")
    history, secret = put(repo / ".git" / "config"), put(tmp_path.resolve() / "secret" / "file")
    work = put(tmp_path.resolve() / "work" / "file")
    (work.parent / "bin").mkdir()
    (repo / "away").symlink_to(secret.parent)
    through = repo / "away" / "file"
    root = repo / "packages" / "one"
    paths = [str(p) for p in (sibling, history, secret, work, through)]
    put(root / "test_a.py").write_text(TRY.format(paths=paths))
    (root / "pytest.ini").write_text("[pytest]\n")
    site = build_environment(repo / ".venv")
    named = (sibling.parent, history.parent, secret.parent, through.parent, repo / "packages/../../secret")
    (site / "all.pth").write_text("".join(f"{p}\n" for p in named))
    (site / "__editable__x_finder.py").write_text(f"MAPPING = {{'x': {str(secret.parent)!r}}}\n")
    with (repo / ".venv" / "pyvenv.cfg").open("a") as file:
        file.write(f"home = {work.parent / 'bin'}\n")
    found = interpreter.find(root, None, {"HOME": str(tmp_path / "home")})
    assert found.origin == "../../.venv"
    env = interpreter.variables_for_tests({}, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, found.python)
    runner = PytestRunner(sandbox, root=root, python=found, env=env, arguments=())
    run = runner.suite(deadline=time.monotonic() + 60, hang_seconds=20)
    seen = [test.partition("[")[2][:-1] for test, result in run.tests.items() if result.outcome == "passed"]
    assert len(run.tests) == len(paths)
    assert seen == [str(sibling)]


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with a hostile project in it, `work/project`, whose history has no sibling in it."""
    home = tmp_path.resolve() / "home"
    (home / "work" / "project" / ".git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


def seen_by(sandbox: Sandbox, root: Path, paths: list[Path], **environ: str) -> list[str]:
    """Those of `paths` that the project's tests can read."""
    put(root / "test_a.py").write_text(TRY.format(paths=[str(p) for p in paths]))
    put(root / "pytest.ini").write_text("[pytest]\n")
    found = interpreter.find(root, None, {"HOME": str(root.parents[1]), **environ})
    env = interpreter.variables_for_tests(environ, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, found.python)
    run = PytestRunner(sandbox, root=root, python=found, env=env, arguments=()).suite(
        deadline=time.monotonic() + 60, hang_seconds=20
    )
    assert len(run.tests) == len(paths)
    return [test.partition("[")[2][:-1] for test, result in run.tests.items() if result.outcome == "passed"]


def test_links_to_the_interpreter_open_no_folder_that_they_pass(
    sandbox: Sandbox, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has settings beside it that name another, and one lies beside the user's other work."""
    root, secret = user / "work" / "project", put(user / "work" / "other" / "file")
    put(secret.parent / ".git" / "HEAD")
    build_environment(root / ".venv")
    python = root / ".venv" / "bin" / "python"
    put(root / "x" / "pyvenv.cfg").write_text("home = y/bin\n")
    (root / "x" / "bin").mkdir()
    (root / "x" / "bin" / "HEAD").symlink_to(python.resolve())
    (root / "y" / "bin").mkdir(parents=True)
    (root / "y" / "bin" / "HEAD").symlink_to("../../../project/pytest.ini")
    python.unlink()
    python.symlink_to("../../x/bin/HEAD")
    monkeypatch.chdir(root)
    assert seen_by(sandbox, root, [secret, secret.parent / ".git" / "HEAD"]) == []


def test_what_the_interpreter_says_of_itself_opens_nothing(sandbox: Sandbox, user: Path) -> None:
    """Code of the project that runs at its start adds to its path, before the path is asked for."""
    root, secret = user / "work" / "project", put(user / "Documents" / "file")
    build_environment(user / "envs" / "work")
    put(root / "src" / "sitecustomize.py").write_text(f"import sys\nsys.path.append({str(secret.parent)!r})\n")
    assert seen_by(sandbox, root, [secret], PYTHONPATH="src", VIRTUAL_ENV=str(user / "envs" / "work")) == []


def test_a_folder_that_the_project_has_linked_is_not_open_as_the_users_pythonpath(sandbox: Sandbox, user: Path) -> None:
    root, secret = user / "work" / "project", put(user / "Documents" / "file")
    build_environment(root / ".venv")
    (root / "src").symlink_to(secret.parent)
    lib = put(user / "work" / "lib" / "file")
    assert seen_by(sandbox, root, [secret, lib], PYTHONPATH=f"src:{lib.parent}") == [str(lib)]


def test_dots_behind_a_link_open_nothing(sandbox: Sandbox, user: Path) -> None:
    """Where a link to the interpreter leads is one thing by the letters, and another as the system reads it."""
    root, secret = user / "work" / "project", put(user / "file")
    build_environment(root / ".venv")
    python = root / ".venv" / "bin" / "python"
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "deep").symlink_to("a/b/c")
    (root / "file").symlink_to(python.resolve())
    python.unlink()
    python.symlink_to("../../deep/../../../file")
    assert python.resolve() == (root / "file").resolve()
    assert seen_by(sandbox, root, [secret]) == []


def test_pytests_pythonpath_opens_folders_of_the_repository_only(sandbox: Sandbox, user: Path) -> None:
    repo = user / "work" / "project"
    root = repo / "packages" / "one"
    build_environment(root / ".venv")
    sibling, hidden = put(repo / "packages" / "two" / "file"), put(repo / "packages" / ".keys" / "file")
    outside, history = put(user / "work" / "other" / "file"), put(repo / ".git" / "config")
    (repo / "packages" / "away").symlink_to(outside.parent)
    put(root / "setup.cfg").write_text(
        "[tool:pytest]\npythonpath = ../two ../.keys ../away ../../../other ../../.git\n"
    )
    assert seen_by(sandbox, root, [sibling, hidden, outside, history]) == [str(sibling)]
