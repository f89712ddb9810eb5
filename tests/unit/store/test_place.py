"""State lies with the user, by the project's real path, and says whose it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from reknit.errors import UsageError
from reknit.store.db import Store
from reknit.store.place import note_project, noted_project, project_state


def test_state_lives_outside_the_project_by_its_real_path(tmp_path: Path) -> None:
    base, root = tmp_path / "base", tmp_path / "project"
    root.mkdir()
    (tmp_path / "alias").symlink_to(root)
    assert project_state(root, base) == project_state(tmp_path / "alias", base)
    assert project_state(root, base) != project_state(tmp_path, tmp_path.parent)
    assert project_state(root, base).is_relative_to(base / "projects")
    assert not base.exists()
    with pytest.raises(UsageError) as caught:
        project_state(root, root / ".state")
    assert caught.value.slug == "state-inside-project"


def test_the_default_is_the_users_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert project_state(tmp_path / "project").is_relative_to(tmp_path)


class TestWhoseItIs:
    @pytest.mark.parametrize("name", ["project", os.fsdecode(b"p\xe9 \n"), "p" * 200])
    def test_a_store_says_it(self, tmp_path: Path, name: str) -> None:
        root = tmp_path / name
        root.mkdir()
        state = project_state(root, tmp_path / "base")
        assert noted_project(state) is None
        Store.open(state / "store.db", root=root).close()
        assert noted_project(state) == root
        assert stat.S_IMODE((state / "project").stat().st_mode) == 0o600

    def test_what_the_folders_name_denies_is_not_believed(self, tmp_path: Path) -> None:
        state = project_state(tmp_path / "one", tmp_path / "base")
        state.mkdir(parents=True)
        note_project(tmp_path / "other", state)
        assert noted_project(state) is None

    def test_that_it_cannot_be_said_stops_nothing(self, tmp_path: Path) -> None:
        note_project(tmp_path, tmp_path / "none")
        assert not (tmp_path / "none").exists()
