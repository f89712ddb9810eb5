"""What a run is asked to do: numbers in range, and the project that is meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reknit.config import Options, find_root
from reknit.errors import UsageError


@pytest.mark.parametrize("name", ["max_time", "max_cpu", "fuel", "jobs"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_numbers_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} must be above 0") as caught:
        Options(project=Path(), **{name: value})  # type: ignore[arg-type]
    assert caught.value.slug == "option"


def test_the_nearest_folder_with_a_mark_is_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path.resolve() / "home"
    deep = home / "project" / "src" / "pkg"
    deep.mkdir(parents=True)
    (home / "project" / "setup.cfg").touch()
    (home / ".git").mkdir()
    bare = home / "bare"
    bare.mkdir()
    monkeypatch.setenv("HOME", str(home))
    assert find_root(deep) == home / "project"
    assert find_root(bare) == bare, "a home directory under git is no project"
    with pytest.raises(UsageError, match="is no project, and all that lies below it is not looked through"):
        find_root(home)
    (home / "pyproject.toml").touch()
    assert find_root(home) == home
    monkeypatch.setenv("HOME", os.fspath(tmp_path / "else"))
    assert find_root(bare) == home


def test_a_folder_that_is_gone_is_no_project(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_path: Path) -> Path:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "resolve", gone)
    with pytest.raises(UsageError, match="gone"):
        find_root(Path())
