"""No more of the file system than an interpreter needs, whatever the repository's own files say that it needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reknit.runner.exposure import find_repository, may_be_shown
from tests.unit.runner.environments import environment, python_in, shown


def test_what_an_interpreter_needs(tmp_path: Path, home: Path) -> None:
    """Links into a home folder are readable, the home folder is not."""
    (home / "bin").mkdir()
    base = tmp_path.resolve() / "base"
    link = home / "bin" / "python3"
    link.symlink_to(python_in(base))
    python = environment(home / "envs" / "work", home=home / "bin")
    python.unlink()
    python.symlink_to(link)
    root = home / "work" / "project"
    assert set(shown(python, root)) == {home / "envs" / "work", python, link, base}
    assert set(shown(link, root)) == {link, base}
    own = environment(root / ".venv", home=home / "bin")
    own.unlink()
    own.symlink_to(link)
    assert set(shown(own, root)) == {link, base}, "the environment is shown with the project"


def test_a_ring_of_links_comes_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "a").symlink_to("b")
    (tmp_path / "bin" / "b").symlink_to("a")
    assert shown(tmp_path / "bin" / "a", tmp_path / "project") == ()


def test_this_interpreter_starts_with_what_is_readable(tmp_path: Path) -> None:
    base = Path(sys.base_prefix).resolve()
    assert base.is_relative_to("/usr") or base in shown(Path(sys.executable), tmp_path)


def environment_with_links(folder: Path, *targets: Path) -> Path:
    """An environment whose `.pth` file names the first target and whose editable finder the others."""
    site = folder / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    pth, *mapped = targets
    (site / "a.pth").write_text(f"import os\n{pth}\nrelative\n")
    (site / "__editable___b_finder.py").write_text(f"MAPPING = {dict.fromkeys('b', str(mapped[0]))!r}\n")
    return folder / "bin" / "python"


def test_what_is_installed_as_editable_is_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, sibling, other, home = (tmp_path / n for n in ("project", "sibling", "other", "home"))
    for folder in (root, sibling, other, home):
        folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    python = environment_with_links(tmp_path / "env", sibling, other)
    site = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    (site / "b.pth").write_text(f"{home}\n{tmp_path}\n{root}\n{tmp_path}/gone\n/\n/usr\n../../../../relative\n")
    (tmp_path / "relative").mkdir()
    assert set(shown(python, root)) == {sibling, other, tmp_path / "relative"}, "no home folder, none that holds one"


class TestAnEnvironmentInTheRepository:
    """Its files come with the repository, and may name what is nobody's business."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """A member of a workspace: `repo/packages/one`, beside `two`, a secret and a place for links."""
        repo = tmp_path.resolve() / "repo"
        for folder in (".git", ".hidden", "packages/one", "packages/two/src", "lib"):
            (repo / folder).mkdir(parents=True)
        (tmp_path / "secret").mkdir()
        (repo / "lib" / "away").symlink_to(tmp_path / "secret")
        (repo / "away").symlink_to(tmp_path / "secret")
        return repo / "packages" / "one"

    @pytest.mark.parametrize("where", [".venv", "packages/one/.venv"])
    def test_siblings_of_the_same_repository_are_readable(self, root: Path, where: str) -> None:
        repo = root.parents[1]
        sibling = repo / "packages" / "two" / "src"
        python = environment_with_links(repo / where, sibling, root / "src")
        assert shown(python, root) == (sibling,)

    @pytest.mark.parametrize("where", [".venv", "packages/one/.venv"])
    def test_nothing_else_is(self, root: Path, tmp_path: Path, where: str) -> None:
        repo = root.parents[1]
        secret = tmp_path.resolve() / "secret"
        python = environment_with_links(repo / where, secret, repo / ".git")
        path = [secret, repo / "lib" / "away", repo / "lib" / ".." / ".." / "secret", tmp_path, repo / ".git" / "hooks"]
        site = repo / where / "lib" / "python3.11" / "site-packages"
        (site / "b.pth").write_text("".join(f"{p}\n" for p in path))
        assert shown(python, root) == ()

    def test_an_environment_that_only_looks_elsewhere_counts_as_inside(self, root: Path, tmp_path: Path) -> None:
        """A link into the repository, or out of it."""
        repo, secret = root.parents[1], tmp_path / "secret"
        (tmp_path / "link").symlink_to(environment_with_links(repo / ".venv", secret, secret).parent.parent)
        assert shown(tmp_path / "link" / "bin" / "python", root) == ()
        environment_with_links(tmp_path / "elsewhere", secret, secret)
        (root / ".venv").symlink_to(tmp_path / "elsewhere")
        assert shown(root / ".venv" / "bin" / "python", root) == ()

    def test_a_link_within_the_repository_is_open_with_what_it_leads_to(self, root: Path) -> None:
        repo = root.parents[1]
        (repo / "alias").symlink_to("packages/two")
        python = environment_with_links(repo / ".venv", repo / "alias" / "src", root)
        assert shown(python, root) == (repo / "alias" / "src", repo / "packages" / "two" / "src")

    def test_the_repository_itself_is_open_without_what_is_hidden_or_leads_out(self, root: Path) -> None:
        repo = root.parents[1]
        python = environment_with_links(repo / ".venv", repo, repo)
        assert shown(python, root) == (repo / "lib", repo / "packages")

    def test_without_a_repository_nothing_outside_the_project_is(self, root: Path) -> None:
        (root.parents[1] / ".git").rmdir()
        python = environment_with_links(root / ".venv", root.parent / "two", root.parent / "two")
        assert shown(python, root) == ()

    def test_one_that_the_project_chose_by_name_is_treated_alike(self, root: Path, tmp_path: Path) -> None:
        sibling = root.parent / "two"
        python = environment_with_links(tmp_path / "envs" / "work", tmp_path / "secret", sibling)
        assert shown(python, root, believed=False) == (sibling,)
        assert shown(python, root) == (tmp_path / "secret", sibling)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A pipe would never end."""
    site = environment_with_links(tmp_path / "env", tmp_path, tmp_path).parent.parent / "lib/python3.11/site-packages"
    for file in (site / "a.pth", site / "__editable___b_finder.py"):
        file.unlink()
        make(file)
    assert shown(tmp_path / "env" / "bin" / "python", tmp_path / "project") == ()


class TestTheRepository:
    def test_it_is_the_nearest_with_git(self, tmp_path: Path) -> None:
        root = tmp_path / "a" / "b"
        (root / "c").mkdir(parents=True)
        assert find_repository(root) == root
        (tmp_path / ".git").mkdir()
        assert find_repository(root) == tmp_path
        (tmp_path / "a" / ".git").write_text("gitdir: elsewhere")
        assert find_repository(root) == tmp_path / "a"

    def test_a_home_folder_is_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Many keep their settings in git."""
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".git").mkdir()
        (tmp_path / "a").mkdir()
        assert find_repository(tmp_path / "a") == tmp_path / "a"

    def test_nor_is_that_of_another_user(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Anybody may put a .git into /tmp."""
        (tmp_path / ".git").mkdir()
        (tmp_path / "a").mkdir()
        found = Path.stat

        def stat(self: Path, *, follow_symlinks: bool = True) -> Any:
            real = found(self, follow_symlinks=follow_symlinks)
            return os.stat_result((*real[:4], 12345, *real[5:10])) if self.name == ".git" else real

        monkeypatch.setattr(Path, "stat", stat)
        assert find_repository(tmp_path / "a") == tmp_path / "a"


class TestWhatAnInterpreterMayAskFor:
    """A repository's own environment can name any path of the user's."""

    @pytest.fixture
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        home = tmp_path.resolve() / "home"
        for folder in (".ssh", ".local/bin", "work/sibling/src", ".tools/versions/3.12/bin", ".venv/lib/python3.12"):
            (home / folder).mkdir(parents=True)
        for file in (".ssh/id", ".venv/pyvenv.cfg", ".tools/versions/3.12/bin/python3", ".local/bin/python3"):
            (home / file).write_text("")
        monkeypatch.setenv("HOME", str(home))
        return home

    @pytest.mark.parametrize("path", ["", "..", ".ssh", ".ssh/id", ".local", ".local/bin", ".tools", "gone"])
    def test_nothing_of_the_users(self, home: Path, path: str) -> None:
        assert not may_be_shown(home / path)

    @pytest.mark.parametrize(
        "path", ["work/sibling/src", ".tools/versions/3.12", ".tools/versions/3.12/bin/python3", ".venv/lib/python3.12"]
    )
    def test_what_python_needs(self, home: Path, path: str) -> None:
        assert may_be_shown(home / path)

    @pytest.mark.parametrize("path", ["/", "/usr", "/etc/ssl", "/proc/self"])
    def test_nothing_of_the_system(self, path: str) -> None:
        assert not may_be_shown(Path(path))

    def test_not_through_a_link_either(self, home: Path, tmp_path: Path) -> None:
        (tmp_path / "python3").symlink_to(home / ".ssh" / "id")
        assert not may_be_shown(tmp_path / "python3")
