"""No more of the file system than an interpreter needs, whatever the repository's own files say that it needs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reknit.runner.environments import Interpreter
from reknit.runner.exposure import find_repository, may_be_shown, opened
from tests.unit.runner.environments import BASE, environment, python_in


def shown(python: Path, root: Path, *, believed: bool = True, pythonpath: str = "") -> tuple[Path, ...]:
    return opened(Interpreter(python=python, origin="", believed=believed), root, pythonpath=pythonpath)


def besides(found: tuple[Path, ...]) -> set[Path]:
    """What is open besides our own interpreter, to which the environments lead."""
    return {p for p in found if not p.is_relative_to(BASE.parent.parent)}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with a project in it."""
    home = tmp_path.resolve() / "home"
    (home / "work" / "project" / ".git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


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


class TestThePythonOfAnEnvironment:
    """The repository's environment says with which it was made."""

    def test_where_managers_put_them(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYENV_ROOT", str(home / "tools" / "pyenv"))
        (home / ".conda").mkdir()
        (home / ".conda" / "environments.txt").write_text(f"{home}/anywhere/env\n")
        for place in (
            ".pyenv/versions/3.12.1",
            ".local/share/uv/python/cpython-3.12.1-linux",
            "miniforge3",
            "miniforge3/envs/work",
            "tools/pyenv/versions/3.12.1",
            "anywhere/env",
        ):
            base = python_in(home / place).parent.parent
            own = environment(home / "work" / "project" / place / ".venv", home=base / "bin")
            assert shown(own, home / "work" / "project")[-2:] == (base / "bin" / "python3", base)

    @pytest.mark.parametrize("place", [".local", "opt", "work", "work/other", ".pyenv", ""])
    def test_anywhere_else_in_the_home_folder_only_its_own_files(self, home: Path, place: str) -> None:
        base = home / place
        program = python_in(base)
        (base / "lib" / "libpython3.12.so.1.0").write_text("")
        (base / "lib" / "other").write_text("")
        root = home / "work" / "project"
        own = environment(root / ".venv", home=base / "bin")
        expected = {program, base / "bin" / "python3", base / "lib/python3.12", base / "lib/libpython3.12.so.1.0"}
        assert besides(shown(own, root)) == expected

    def test_the_users_own_environment_opens_the_python_that_the_user_has(self, home: Path) -> None:
        base = python_in(home / "opt" / "python").parent.parent
        python = environment(home / "envs" / "work", home=base / "bin")
        assert base in shown(python, home / "work" / "project")

    @pytest.mark.parametrize("missing", ["magic", "mode", "library", "link", "library link", "name"])
    def test_what_only_looks_like_one_is_none(self, home: Path, tmp_path: Path, missing: str) -> None:
        base = tmp_path.resolve() / "base"
        program = python_in(base)
        real = tmp_path / "real"
        match missing:
            case "magic":
                program.write_bytes(b"#!/bin/sh")
            case "mode":
                program.chmod(0o644)
            case "library":
                (base / "lib/python3.12/os.py").unlink()
            case "link":
                (base / "lib/python3.12/os.py").rename(real)
                (base / "lib/python3.12/os.py").symlink_to(real)
            case "library link":
                (base / "lib").rename(real)
                (base / "lib").symlink_to(real)
            case _:
                program.rename(base / "bin" / "HEAD")
                (base / "bin" / "python3").unlink()
                (base / "bin" / "python3").symlink_to("HEAD")
        own = environment(home / "work" / "project" / ".venv", home=base / "bin")
        assert besides(shown(own, home / "work" / "project")) == set()

    @pytest.mark.parametrize(
        "said",
        ["y/bin", "../../x/bin", "{home}/work/project/../other/bin", "/proc/self/cwd/.venv/bin", "", "/", "~/bin"],
    )
    def test_a_home_that_is_no_folder_of_a_python_opens_nothing(
        self, home: Path, said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = home / "work" / "project"
        monkeypatch.chdir(root)
        python_in(home / "work" / "other")
        own = environment(root / ".venv")
        (root / ".venv" / "pyvenv.cfg").write_text(f"home = {said.format(home=home)}\n")
        began = time.monotonic()
        assert besides(shown(own, root)) == set()
        assert time.monotonic() - began < 5

    def test_links_open_nothing_that_they_pass(self, home: Path) -> None:
        """The way to the real Python leads through folders with settings of their own, and beside the user's files."""
        root = home / "work" / "project"
        (home / "work" / "other" / ".git").mkdir(parents=True)
        (home / "work" / "other" / ".git" / "HEAD").write_text("ref")
        own = environment(root / ".venv")
        own.unlink()
        own.symlink_to("../../x/bin/HEAD")
        for folder in ("x/bin", "y/bin"):
            (root / folder).mkdir(parents=True)
        (root / "x" / "bin" / "HEAD").symlink_to(BASE)
        (root / "x" / "pyvenv.cfg").write_text("home = y/bin\n")
        (root / "y" / "bin" / "HEAD").symlink_to("../../../project/pyproject.toml")
        assert besides(shown(own, root)) == set()

    def test_a_link_beside_dots_is_read_as_the_system_reads_it(self, home: Path) -> None:
        """`deep` leads below; by the letters, the dots after it would lead to the user's folder."""
        root = home / "work" / "project"
        (home / "secret").symlink_to("work")
        (root / "a" / "b" / "c").mkdir(parents=True)
        (root / "deep").symlink_to("a/b/c")
        own = environment(root / ".venv")
        own.unlink()
        own.symlink_to("../../deep/../../../secret")
        (root / "secret").symlink_to(BASE)
        assert own.resolve() == BASE
        assert home / "secret" not in shown(own, root)

    def test_a_link_out_of_the_repository_opens_an_environment_only(self, home: Path) -> None:
        """git keeps links; a folder beside may be an environment and the user's work at once."""
        root, other = home / "work" / "project", home / "work" / "other"
        environment(other)
        (other / "notes").write_text("secret")
        (root / ".venv").symlink_to(other)
        found = shown(root / ".venv" / "bin" / "python", root)
        assert besides(found) == {other / "pyvenv.cfg", other / "bin", other / "lib/python3.12"}
        (other / "pyvenv.cfg").unlink()
        assert besides(shown(root / ".venv" / "bin" / "python", root)) == set()

    def test_never_a_folder_above_the_project(self, home: Path) -> None:
        python_in(home / "work")
        environment(home / "work" / "env", home=home / "work" / "bin")
        for python in (home / "work" / "bin" / "python3", environment(home / "work" / "project" / ".venv")):
            found = shown(python, home / "work" / "project")
            assert not any((home / "work" / "project").is_relative_to(p) for p in found)


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
