"""Folders that are imported from, named by the user's PYTHONPATH and by the project's settings of pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.runner.environments import shown


class TestPythonpath:
    """The variable is the user's; the folders in the project that it names are the repository's."""

    def test_what_it_names_is_open(self, home: Path) -> None:
        root = home / "work" / "project"
        for folder in (home / "work" / "lib", root / "src", home / ".keys"):
            folder.mkdir()
        path = f"src:{home}/work/lib::../lib:{home}:{home}/.keys:/etc:/gone"
        assert shown(root / "none", root, pythonpath=path) == (home / "work" / "lib",)

    @pytest.mark.parametrize("path", ["src", "{root}/src", "{alias}/src", "src/../src/below"])
    def test_not_what_the_repository_has_put_there(self, home: Path, path: str) -> None:
        root = home / "work" / "project"
        (home / "Documents" / "below").mkdir(parents=True)
        (root / "src").symlink_to(home / "Documents")
        (home / "alias").symlink_to(root)
        assert shown(root / "none", root, pythonpath=path.format(root=root, alias=home / "alias")) == ()


class TestPytestsPythonpath:
    """A member of a monorepo may import from beside it."""

    @pytest.fixture
    def root(self, home: Path) -> Path:
        root = home / "work" / "repo" / "packages" / "one"
        for folder in (".git", "packages/one", "packages/two", "packages/.hidden", ".hidden/below"):
            (home / "work" / "repo" / folder).mkdir(parents=True)
        (home / "work" / "elsewhere").mkdir()
        (home / "work" / "repo" / "packages" / "away").symlink_to(home / "work" / "elsewhere")
        return root

    @pytest.mark.parametrize(
        ("file", "text"),
        [
            ("pytest.ini", "[pytest]\npythonpath = . ../two\n"),
            ("tox.ini", "[pytest]\npythonpath =\n    ../two\n"),
            ("setup.cfg", "[tool:pytest]\npythonpath = ../two\n"),
            ("pyproject.toml", "[tool.pytest.ini_options]\npythonpath = ['..//two']\n"),
            ("pyproject.toml", "[tool.pytest.ini_options]\npythonpath = '../two src'\n"),
        ],
    )
    def test_a_sibling(self, root: Path, file: str, text: str) -> None:
        (root / file).write_text(text)
        assert shown(root / "none", root) == (root.parent / "two",)

    @pytest.mark.parametrize(
        "named",
        ["../../../elsewhere", "../away", "../../.git", "../.hidden", "../../.hidden/below", "~", "/", "../gone"],
    )
    def test_nothing_else(self, root: Path, named: str) -> None:
        (root / "pytest.ini").write_text(f"[pytest]\npythonpath = {named}\n")
        assert shown(root / "none", root) == ()

    def test_the_repository_itself_without_what_is_hidden_or_leads_out(self, root: Path) -> None:
        (root / "pytest.ini").write_text("[pytest]\npythonpath = ../..\n")
        assert shown(root / "none", root) == (root.parent,)

    def test_only_where_there_is_a_repository(self, root: Path) -> None:
        (root.parents[1] / ".git").rmdir()
        (root / "pytest.ini").write_text("[pytest]\npythonpath = ../two\n")
        assert shown(root / "none", root) == ()

    @pytest.mark.parametrize(
        "text", ["[", "[pytest]\npythonpath = '", "[pytest]\npythonpath = 1", "[tool]\npytest = 3"]
    )
    def test_settings_that_are_none(self, root: Path, text: str) -> None:
        for file in ("pytest.ini", "setup.cfg", "pyproject.toml"):
            (root / file).write_text(text)
        assert shown(root / "none", root) == ()
