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

@pytest.mark.parametrize("path", {paths!r})
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
    env = interpreter.environment({}, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, found.python)
    runner = PytestRunner(sandbox, root=root, python=found, env=env, arguments=())
    run = runner.suite(deadline=time.monotonic() + 60, hang_seconds=20)
    seen = [test.partition("[")[2][:-1] for test, result in run.tests.items() if result.outcome == "passed"]
    assert len(run.tests) == len(paths)
    assert seen == [str(sibling)]
