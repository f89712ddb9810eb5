"""A machine that lacks a tool: tests skip and name it; in CI that is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROGRAM = """
import pytest

@pytest.mark.needs_tool("sh", "no-such-tool")
def test_tool():
    assert False, "this must not run"

@pytest.mark.needs_python("3.0")
def test_python():
    assert False, "this must not run"
"""


@pytest.mark.parametrize(("ci", "status", "words"), [("", 0, "2 skipped"), ("true", 1, "1 error")])
def test_a_missing_tool(tmp_path: Path, ci: str, status: int, words: str) -> None:
    """Other Python versions are excepted."""
    (tmp_path / "conftest.py").write_text((HERE / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "-p", "no:xdist"]
    env = {**os.environ, "CI": ci}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, done.stdout
    assert words in done.stdout
    assert "no-such-tool" in done.stdout
    assert "needs python3.0" in done.stdout
