"""What tests of the runner share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with a project in it."""
    home = tmp_path.resolve() / "home"
    (home / "work" / "project" / ".git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home
