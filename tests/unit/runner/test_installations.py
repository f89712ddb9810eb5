"""Only what really is a Python is opened as the one that an environment was made with."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from reknit.runner.installations import installation, is_pythons_place
from tests.unit.runner.environments import BASE, besides, environment, python_in, shown


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

    def test_an_environment_above_the_project_is_never_open_whole(self, home: Path) -> None:
        """A virtual environment may have been made in the folder of all work."""
        root, work = home / "work" / "project", home / "work"
        python = environment(work)
        of_environment = {python, work / "pyvenv.cfg", work / "bin", work / "lib" / "python3.12"}
        assert besides(shown(python, root)) == of_environment
        (root / ".venv").symlink_to("..")
        assert besides(shown(root / ".venv" / "bin" / "python", root)) == set()


def test_places_that_hold_more_than_a_python(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_pythons_place(Path("/opt/python"))
    assert not is_pythons_place(Path("/opt"))
    assert is_pythons_place(tmp_path.resolve() / "base")
    assert not is_pythons_place(home.parent), "it holds the home folder"
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    assert is_pythons_place(Path("/opt/python"))


def test_a_program_outside_of_bin_is_of_no_installation(tmp_path: Path) -> None:
    program = python_in(tmp_path.resolve() / "base")
    assert installation(program) is not None
    (program.parents[1] / "sbin").mkdir()
    assert installation(program.rename(program.parents[1] / "sbin" / program.name)) is None
