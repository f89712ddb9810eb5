"""The interpreter that the user means, found without running anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reknit.errors import UsageError
from reknit.runner import interpreter, places
from reknit.runner.environments import Kind
from tests.unit.runner.environments import BASE, conda, environment, installed

OWN = Path(sys.executable)


def find(project: Path, wanted: Path | None = None, **environ: str | Path) -> Path:
    project.mkdir(parents=True, exist_ok=True)
    return interpreter.find(project, wanted, {n: str(v) for n, v in environ.items()}).python


def why_not(project: Path, **environ: str | Path) -> dict[str, str]:
    """What was passed over."""
    project.mkdir(parents=True, exist_ok=True)
    found = interpreter.find(project, None, {n: str(v) for n, v in environ.items()})
    return {p.origin: p.why for p in found.passed_over}


def test_the_order_of_choice(tmp_path: Path) -> None:
    project = tmp_path / "project"
    assert find(project) == OWN
    tox = environment(project / ".tox" / "py312")
    assert find(project) == tox
    own = environment(project / ".venv")
    assert find(project) == own
    uv = environment(project / "uv")
    assert find(project, UV_PROJECT_ENVIRONMENT="uv") == uv
    active = environment(tmp_path / "active")
    assert find(project, UV_PROJECT_ENVIRONMENT="uv", VIRTUAL_ENV=tmp_path / "active") == active
    asked = environment(tmp_path / "asked")
    assert find(project, asked, VIRTUAL_ENV=tmp_path / "active") == asked
    assert find(project, tmp_path / "asked") == asked


def test_an_active_conda_environment_counts_and_its_base_only_at_the_end(tmp_path: Path) -> None:
    project = tmp_path / "project"
    work, base = conda(tmp_path / "conda" / "envs" / "work"), conda(tmp_path / "conda")
    own = environment(project / ".venv")
    assert find(project, CONDA_PREFIX=tmp_path / "conda/envs/work", CONDA_DEFAULT_ENV="work") == work
    assert find(project, CONDA_PREFIX=tmp_path / "conda", CONDA_DEFAULT_ENV="base") == own
    assert find(tmp_path / "other", CONDA_PREFIX=tmp_path / "conda", CONDA_DEFAULT_ENV="base") == base


class TestWhereReknitLives:
    @pytest.fixture
    def ours(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        environment(tmp_path / "ours")
        monkeypatch.setattr(sys, "prefix", str(tmp_path / "ours"))
        return tmp_path / "ours"

    def test_it_is_not_the_active_environment(self, ours: Path, tmp_path: Path) -> None:
        project = tmp_path / "project"
        own = environment(project / ".venv")
        assert find(project, VIRTUAL_ENV=ours) == own
        assert "reknit itself is installed" in why_not(project, VIRTUAL_ENV=ours)["active environment"]

    def test_unless_the_project_is_installed_there_too(self, ours: Path, tmp_path: Path) -> None:
        project = tmp_path / "project"
        environment(project / ".venv")
        (ours / "lib/python3.12/site-packages/project.pth").write_text(f"{project}/src\n")
        assert find(project, VIRTUAL_ENV=ours) == ours / "bin" / "python"


def test_nothing_is_passed_over_where_the_first_is_taken(tmp_path: Path) -> None:
    environment(tmp_path / ".venv")
    environment(tmp_path / "venv", pytest=None)
    found = interpreter.find(tmp_path, None, {})
    assert (found.passed_over, found.notes, found.origin) == ((), (), ".venv")


def test_that_it_is_reknits_own_is_said(tmp_path: Path) -> None:
    """A project whose packages are elsewhere would fail in it for no fault of its own."""
    found = interpreter.find(tmp_path, None, {})
    (note,) = found.notes
    assert note.startswith("the tests run with reknit's own")
    assert "--python" in note


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"pytest": None}, "has no pytest"),
        ({"pytest": "4.5.0"}, "has pytest 4.5.0, older than 4.6"),
        ({"version": "3.8.18"}, "is Python 3.8.18, older than 3.9"),
        ({"home": Path("/gone/bin")}, "is broken: it was made with the Python in /gone/bin, which is gone"),
    ],
)
def test_what_cannot_run_the_tests_is_passed_over_and_said(tmp_path: Path, change: dict[str, object], why: str) -> None:
    environment(tmp_path / "active", **change)  # type: ignore[arg-type]
    own = environment(tmp_path / "project" / ".venv")
    found = interpreter.find(tmp_path / "project", None, {"VIRTUAL_ENV": str(tmp_path / "active")})
    assert found.python == own
    assert [p.why for p in found.passed_over] == [why]
    (note,) = found.notes
    assert note.startswith(f"the tests run with .venv ({own}); passed over: active environment ({tmp_path / 'active'}")


def test_a_link_that_leads_nowhere_is_passed_over(tmp_path: Path) -> None:
    python = environment(tmp_path / ".venv")
    python.unlink()
    python.symlink_to("/gone/python3.11")
    assert find(tmp_path) == OWN
    assert why_not(tmp_path) == {".venv": "is broken: its interpreter leads to /gone/python3.11, which is gone"}


def test_notes_are_one_line(tmp_path: Path) -> None:
    """Names of folders, links and what stands in a file of the environment come with the repository."""
    for name, home in (("a\nb", None), ("c\x1b[2J", Path("/gone\u202e"))):
        environment(tmp_path / ".tox" / name, pytest=None, home=home)
    python = environment(tmp_path / ".nox" / "d")
    python.unlink()
    python.symlink_to("/gone\n✓")
    found = interpreter.find(tmp_path, None, {})
    (note,) = found.notes
    assert note.isprintable()
    assert all(f"{p.origin}{p.why}".isprintable() for p in found.passed_over)
    assert "a\\nb" in note


@pytest.mark.parametrize("version", ["3." + "1" * 5000, "9" * 5000 + ".1"])
def test_a_number_without_end_stops_nothing(tmp_path: Path, version: str) -> None:
    environment(tmp_path / ".venv", pytest=None)
    (tmp_path / ".venv" / "pyvenv.cfg").write_text(f"home = {BASE.parent}\nversion = {version}\n")
    assert find(tmp_path).is_relative_to(tmp_path)


def test_where_none_has_pytest_the_first_of_the_project_is_taken(tmp_path: Path) -> None:
    """Its packages are what the tests need: the error says how to add the one that is missing."""
    environment(tmp_path / ".tox" / "lint", pytest=None)
    assert find(tmp_path) == OWN, "made for another purpose"
    own = environment(tmp_path / ".venv", pytest=None)
    assert find(tmp_path) == own
    assert ".venv" not in why_not(tmp_path)


def test_of_several_the_newest_python_with_pytest_is_taken(tmp_path: Path) -> None:
    environment(tmp_path / ".tox" / "a", version="3.9.1")
    environment(tmp_path / ".tox" / "lint", version="3.13.0", pytest=None)
    environment(tmp_path / ".tox" / ".pkg", version="3.13.0")
    newest = environment(tmp_path / ".tox" / "b", version="3.10.1")
    assert find(tmp_path) == newest


def test_one_that_is_come_upon_twice_is_told_once(tmp_path: Path) -> None:
    environment(tmp_path / ".venv", version="3.8.1")
    assert why_not(tmp_path, VIRTUAL_ENV=tmp_path / ".venv") == {
        "active environment": "is Python 3.8.1, older than 3.9"
    }


def test_packages_of_the_base_count_where_the_environment_sees_them(tmp_path: Path) -> None:
    base = tmp_path / "base"
    (base / "bin").mkdir(parents=True)
    installed(base / "lib" / "python3.12" / "site-packages", "8.3.4")
    own = environment(tmp_path / "project" / ".venv", pytest=None, home=base / "bin")
    environment(tmp_path / "project" / "venv")
    assert find(tmp_path / "project") != own
    with (own.parent.parent / "pyvenv.cfg").open("a") as file:
        file.write("include-system-site-packages = true\n")
    assert find(tmp_path / "project") == own


def test_a_member_uses_the_environment_of_its_workspace(tmp_path: Path) -> None:
    repository = tmp_path / "repo"
    (repository / ".git").mkdir(parents=True)
    member = repository / "packages" / "one"
    environment(tmp_path / ".venv")
    shared = environment(repository / ".venv")
    assert find(member) == shared
    assert interpreter.find(member, None, {}).origin == "../../.venv"
    own = environment(member / "venv")
    assert find(member) == own
    (repository / ".git").rmdir()
    assert find(repository / "packages" / "two") == OWN, "no repository, so nothing above the project"


def test_a_folder_that_only_has_the_name_is_none(tmp_path: Path) -> None:
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").write_text("")
    assert find(tmp_path, VIRTUAL_ENV=tmp_path / "gone") == OWN


class TestWhatOnlyAFileOfTheProjectNames:
    """A repository could name any folder of the user's."""

    @pytest.mark.parametrize("file", [".pdm-python", ".venv"])
    def test_it_is_told_and_not_taken(self, tmp_path: Path, file: str) -> None:
        python = environment(tmp_path / "elsewhere")
        project = tmp_path / "project"
        project.mkdir()
        (project / file).write_text(f"{python}\n" if file == ".pdm-python" else f"{python.parent.parent}\n")
        assert find(project) == OWN
        assert "take it with --python, if you trust it" in why_not(project)[file]

    @pytest.mark.parametrize("file", [".pdm-python", ".venv", "poetry.toml", "environment.yml"])
    def test_a_link_shows_nothing_of_the_users(self, tmp_path: Path, file: str) -> None:
        """git keeps links: what they lead to would stand in a note, and so in reports."""
        content = {"poetry.toml": "[virtualenvs]\npath = '../envs'\n", "environment.yml": "name: work\n"}
        project, keys = tmp_path.resolve() / "project", tmp_path / "keys"
        keys.write_text(content.get(file, "/secret\n"))
        environment(tmp_path / "envs" / f"x-{places._hash(str(project))}-py3.12")
        conda(tmp_path / "home" / "miniforge3" / "envs" / "work")
        project.mkdir()
        (project / file).symlink_to(keys)
        found = why_not(project, HOME=tmp_path / "home")
        assert found == ({file: "names no path"} if file in {".pdm-python", ".venv"} else {})
        assert find(project, HOME=tmp_path / "home") == OWN

    @pytest.mark.parametrize("said", ["/a\n✓ all is well", "/a\x1b[2J", "word", "", "/" + "a" * 4096])
    @pytest.mark.parametrize("file", [".pdm-python", ".venv"])
    def test_what_is_no_single_path_is_not_told(self, tmp_path: Path, file: str, said: str) -> None:
        (tmp_path / file).write_text(said)
        assert why_not(tmp_path) == {file: "names no path"}

    def test_a_linked_environment_is_not_one_that_names_no_path(self, tmp_path: Path) -> None:
        python = environment(tmp_path / "elsewhere")
        (tmp_path / "project").mkdir()
        (tmp_path / "project" / ".venv").symlink_to(tmp_path / "elsewhere")
        assert find(tmp_path / "project").resolve() == python.resolve()
        assert why_not(tmp_path / "project") == {}

    def test_poetry(self, tmp_path: Path) -> None:
        project = tmp_path.resolve() / "project"
        project.mkdir()
        (project / "poetry.toml").write_text("[virtualenvs]\npath = '../envs'\n")
        environment(tmp_path / "envs" / f"x-{places._hash(str(project))}-py3.12")
        assert find(project) == OWN
        assert list(why_not(project)) == ["poetry.toml"]

    def test_what_is_found_anyway_is_not_told_twice(self, tmp_path: Path) -> None:
        (tmp_path / ".pdm-python").write_text(str(environment(tmp_path / ".venv", pytest=None)))
        assert why_not(tmp_path) == {}

    def test_a_name_for_conda_leads_to_the_users_own_but_its_links_are_not_believed(self, tmp_path: Path) -> None:
        home, project = tmp_path / "home", tmp_path / "project"
        project.mkdir()
        (project / "environment.yml").write_text("name: work\ndependencies: []\n")
        python = conda(home / "miniforge3" / "envs" / "work")
        found = interpreter.find(project, None, {"HOME": str(home)})
        assert (found.python, found.believed, found.kind) == (python, False, Kind.CONDA)


class TestAskedFor:
    @pytest.mark.parametrize("name", ["missing", "folder", "text.txt"])
    def test_what_cannot_be_run_is_refused(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "text.txt").write_text("hello")
        with pytest.raises(UsageError, match="nothing was started") as caught:
            find(tmp_path, tmp_path / name)
        assert caught.value.slug == "no-interpreter"

    @pytest.mark.parametrize("part", [".venv", ".venv/bin/python"])
    def test_a_broken_environment_says_how_to_make_it_anew(self, tmp_path: Path, part: str) -> None:
        python = environment(tmp_path / ".venv")
        python.unlink()
        python.symlink_to("/gone/python3.11")
        with pytest.raises(UsageError, match=r"/gone/python3\.11, which is gone; nothing was started") as caught:
            find(tmp_path, tmp_path / part)
        assert caught.value.slug == "broken-environment"
        assert f"python3 -m venv --clear {tmp_path}/.venv" in (caught.value.hint or "")

    def test_without_pytest_it_is_taken_all_the_same(self, tmp_path: Path) -> None:
        assert find(tmp_path, environment(tmp_path / "env", pytest=None)).is_relative_to(tmp_path / "env")

    def test_behind_a_shim(self, tmp_path: Path) -> None:
        assert find(tmp_path / "project", shim(tmp_path, f'exec {sys.executable} "$@"')) == OWN

    def test_a_shim_that_fails(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="did not say"):
            find(tmp_path / "project", shim(tmp_path, "exit 3"))

    def test_the_project_has_no_say_in_what_a_shim_starts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Version managers read files of the folder that they are started in, and find programs by PATH."""
        project = tmp_path / "project"
        programs = project / ".venv" / "bin"
        programs.mkdir(parents=True)
        monkeypatch.chdir(project)
        (tmp_path / "link").symlink_to(programs)
        path = [str(programs), ".venv/bin", "", str(tmp_path / "link"), "/usr/bin", "/bin"]
        monkeypatch.setenv("PATH", os.pathsep.join(path))
        for name in ("SECRET", "PYENV_DIR", "PYTHONPATH", "LD_PRELOAD"):
            monkeypatch.setenv(name, "")
        monkeypatch.setenv("PYENV_ROOT", "/pyenv")
        said = tmp_path / "said"
        assert find(project, shim(tmp_path, f'(pwd; env) > {said}; exec {sys.executable} "$@"')) == OWN
        folder, *variables = said.read_text().splitlines()
        assert folder == "/"
        env = dict(v.split("=", 1) for v in variables)
        assert (env["PATH"], env["PYENV_ROOT"]) == ("/usr/bin:/bin", "/pyenv")
        assert not env.keys() & {"SECRET", "PYENV_DIR", "PYTHONPATH", "LD_PRELOAD"}

    @pytest.mark.parametrize("said", ["", "python3", "/gone/python3", "/a\n/b"])
    def test_a_shim_that_says_something_else(self, tmp_path: Path, said: str) -> None:
        with pytest.raises(UsageError, match="did not say"):
            find(tmp_path / "project", shim(tmp_path, f"printf '{said}'"))

    def test_a_script_of_the_repository_is_not_run(self, tmp_path: Path) -> None:
        """Not even where the user names it: it would run outside of the sandbox."""
        ran = tmp_path / "ran"
        project = tmp_path / "project"
        (project / ".venv" / "bin").mkdir(parents=True)
        script = shim(project / ".venv" / "bin", f"touch {ran}; exec {sys.executable} $@")
        (tmp_path / "link").symlink_to(script)
        for wanted in (script, project / ".venv", tmp_path / "link"):
            with pytest.raises(UsageError, match="a script of the project's"):
                find(project, wanted)
        assert not ran.exists()


def shim(folder: Path, command: str) -> Path:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
    return path


def test_the_environment_is_an_allow_list() -> None:
    user = {"PATH": "/bin", "LC_ALL": "C", "AWS_SECRET": "x", "HOME": "/home/user", "PYTHONSTARTUP": "evil"}
    found = interpreter.variables_for_tests(user, {"MINE": "1"}, Path("/usr/bin/python3"))
    assert found == {"PATH": "/bin", "LC_ALL": "C", "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1", "MINE": "1"}


def test_the_tests_run_as_if_their_environment_were_active(tmp_path: Path) -> None:
    python = environment(tmp_path / ".venv")
    found = interpreter.variables_for_tests({"PATH": "/bin", "VIRTUAL_ENV": "/another"}, {}, python)
    assert (found["PATH"], found["VIRTUAL_ENV"]) == (f"{python.parent}:/bin", str(tmp_path / ".venv"))
    assert interpreter.variables_for_tests({}, {"PATH": "/mine"}, python)["PATH"] == "/mine"


def test_nothing_is_run_to_find_an_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_args: object, **_options: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "run", start)
    monkeypatch.setattr(subprocess, "Popen", start)
    folder = tmp_path / ".venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {BASE.parent}\n")
    assert find(tmp_path, VIRTUAL_ENV=shim(folder / "bin", "exit 1").parent.parent) == folder / "bin" / "python"
