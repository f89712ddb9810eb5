"""The interpreter that the user means, and no more of the file system than it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reknit.errors import UsageError
from reknit.runner import interpreter


def environment(folder: Path) -> Path:
    """A virtual environment, as far as it is looked at."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (folder / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    return folder / "bin" / "python"


def test_the_order_of_choice(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    assert interpreter.find(project, None, {}) == Path(sys.executable)
    own = environment(project / ".venv")
    assert interpreter.find(project, None, {}) == own
    active = environment(tmp_path / "active")
    assert interpreter.find(project, None, {"VIRTUAL_ENV": str(tmp_path / "active")}) == active
    asked = environment(tmp_path / "asked")
    assert interpreter.find(project, asked, {"VIRTUAL_ENV": str(tmp_path / "active")}) == asked
    assert interpreter.find(project, tmp_path / "asked", {}) == asked


def test_a_folder_that_only_has_the_name_is_none(tmp_path: Path) -> None:
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").write_text("")
    assert interpreter.find(tmp_path, None, {"VIRTUAL_ENV": str(tmp_path / "gone")}) == Path(sys.executable)


@pytest.mark.parametrize("name", ["missing", "folder", "text.txt"])
def test_what_cannot_be_run_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    with pytest.raises(UsageError, match="nothing was started") as caught:
        interpreter.find(tmp_path, tmp_path / name, {})
    assert caught.value.slug == "no-interpreter"


def test_behind_a_shim(tmp_path: Path) -> None:
    shim = tmp_path / "python"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    shim.chmod(0o755)
    assert interpreter.find(tmp_path, shim, {}) == Path(sys.executable)


def test_a_shim_that_fails(tmp_path: Path) -> None:
    shim = tmp_path / "python"
    shim.write_text("#!/bin/sh\nexit 3\n")
    shim.chmod(0o755)
    with pytest.raises(UsageError, match="did not say"):
        interpreter.find(tmp_path, shim, {})


def test_the_environment_is_an_allow_list() -> None:
    user = {"PATH": "/bin", "LC_ALL": "C", "AWS_SECRET": "x", "HOME": "/home/user", "PYTHONSTARTUP": "evil"}
    found = interpreter.environment(user, {"MINE": "1"})
    assert found == {"PATH": "/bin", "LC_ALL": "C", "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1", "MINE": "1"}


def test_what_an_interpreter_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links into a home folder are readable, the home folder is not."""
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    base = tmp_path / "base"
    (base / "bin").mkdir(parents=True)
    (base / "bin" / "python3").write_text("")
    link = home / "bin" / "python3"
    link.symlink_to(base / "bin" / "python3")
    venv = home / "project" / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(link)
    (venv / "pyvenv.cfg").write_text(f"home = {home / 'bin'}\n")
    found = interpreter.readable(venv / "bin" / "python")
    assert {base, venv, link} <= set(found)
    assert not {home, *home.parents} & set(found)
    assert interpreter.readable(link) == (link, base)


def test_a_ring_of_links_comes_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "a").symlink_to("b")
    (tmp_path / "bin" / "b").symlink_to("a")
    assert len(interpreter.readable(tmp_path / "bin" / "a")) <= 3


def test_this_interpreter_starts_with_what_is_readable() -> None:
    places = interpreter.readable(Path(sys.executable))
    done = subprocess.run(
        [sys.executable, "-c", "import sys; print(sys.base_prefix)"], capture_output=True, text=True, check=True
    )
    base = Path(done.stdout.strip())
    assert base == Path("/usr") or any(base.is_relative_to(p) for p in places)


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
    path = [str(home), str(tmp_path), str(root), str(tmp_path / "gone"), "/", "/usr"]
    assert interpreter.linked(python, root, path) == (sibling, other), "no home folder and none that holds one"


def test_an_environment_inside_the_project_opens_nothing(tmp_path: Path) -> None:
    """Its files come with the repository, and may name what is nobody's business."""
    secret, root = tmp_path / "secret", tmp_path / "project"
    secret.mkdir()
    python = environment_with_links(root / ".venv", secret, secret)
    assert interpreter.linked(python, root, [str(secret)]) == ()


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
        assert not interpreter.may_be_shown(home / path)

    @pytest.mark.parametrize(
        "path", ["work/sibling/src", ".tools/versions/3.12", ".tools/versions/3.12/bin/python3", ".venv/lib/python3.12"]
    )
    def test_what_python_needs(self, home: Path, path: str) -> None:
        assert interpreter.may_be_shown(home / path)

    @pytest.mark.parametrize("path", ["/", "/usr", "/etc/ssl", "/proc/self"])
    def test_nothing_of_the_system(self, path: str) -> None:
        assert not interpreter.may_be_shown(Path(path))

    def test_not_through_a_link_either(self, home: Path, tmp_path: Path) -> None:
        (tmp_path / "python3").symlink_to(home / ".ssh" / "id")
        assert not interpreter.may_be_shown(tmp_path / "python3")

    def test_a_hostile_configuration(self, home: Path, tmp_path: Path) -> None:
        own = environment(tmp_path / "project" / ".venv")
        (own.parent.parent / "pyvenv.cfg").write_text(f"home = {home}/.ssh/bin\n")
        assert not any(p.is_relative_to(home) for p in interpreter.readable(own))
